//! Checks the table of facts that the product and the fake clouds assume of AWS and Google, and renders the page that shows
//! which third-party material judges each of them.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use rolebridge_doc_sync::named_tests::NamedTest;
use rolebridge_doc_sync::pages::root;
use rolebridge_doc_sync::section;
use serde::Deserialize;

const FACTS: &str = "tests/doc-sync/facts.yaml";
/// The questions of the acceptance run.
const QUESTIONS: &str = "tests/acceptance/acceptance/questions.py";
const PAGE: &str = "docs/src/evidence.md";
/// The way from the page's folder to the repository's root.
const TO_ROOT: &str = "../../";

/// A fact, and what supports it: one of the three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fact {
    #[serde(rename = "fact")]
    text: String,
    #[serde(default)]
    judges: Vec<Judge>,
    page: Option<String>,
    question: Option<String>,
}

/// Third-party material that judges a fact, and the test in which it does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Judge {
    by: String,
    test: String,
    file: String,
}

fn parse(yaml: &str) -> Vec<Fact> {
    serde_saphyr::from_str(yaml).unwrap()
}

fn facts() -> Vec<Fact> {
    parse(&fs::read_to_string(root().join(FACTS)).unwrap())
}

/// Returns the problems of a table.
fn problems(facts: &[Fact]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    let questions = fs::read_to_string(root().join(QUESTIONS)).unwrap();
    for Fact { text: fact, judges, page, question } in facts {
        if !names.insert(fact) {
            problems.push(format!("{fact}: the fact is listed twice"));
        }
        let supports = [!judges.is_empty(), page.is_some(), question.is_some()];
        if supports.into_iter().filter(|is_there| *is_there).count() != 1 {
            problems.push(format!("{fact}: expected either judges, a page or a question"));
        }
        if let Some(question) = question.as_ref().filter(|id| !questions.contains(&format!("\"{id}\""))) {
            problems.push(format!("{fact}: {QUESTIONS} has no question {question}"));
        }
        let missing = judges.iter().filter(|judge| {
            let test = NamedTest { name: &judge.test, file: &judge.file };
            !test.exists("")
        });
        problems.extend(missing.map(|judge| format!("{fact}: {} has no test {}", judge.file, judge.test)));
    }
    problems
}

/// Returns the tests of a fact as links, each below the name of its judge.
fn links(judges: &[Judge]) -> String {
    let links = judges
        .iter()
        .map(|Judge { by, test, file }| format!("{by}: [`{test}`]({TO_ROOT}{file})"))
        .collect::<Vec<_>>();
    links.join("; ")
}

fn counts(facts: &[Fact]) -> String {
    let judged = facts.iter().filter(|fact| !fact.judges.is_empty()).count();
    let open = facts.iter().filter(|fact| fact.question.is_some()).count();
    let mut by_judge = BTreeMap::<&str, usize>::new();
    for fact in facts {
        let names: BTreeSet<_> = fact.judges.iter().flat_map(|judge| judge.by.split(", ")).collect();
        for name in names {
            *by_judge.entry(name).or_default() += 1;
        }
    }
    let mut text = String::from("| facts | number |\n| --- | --- |\n");
    writeln!(text, "| judged by third-party material | {judged} |").unwrap();
    writeln!(text, "| without such a judge: only read | {} |", facts.len() - judged - open).unwrap();
    writeln!(text, "| without such a judge: open until a run on real accounts | {open} |").unwrap();
    text.push_str("\n| judge | facts |\n| --- | --- |\n");
    for (judge, number) in by_judge {
        writeln!(text, "| {judge} | {number} |").unwrap();
    }
    text
}

fn table(heading: &str, rows: impl Iterator<Item = (String, String)>) -> String {
    let mut table = format!("| fact | {heading} |\n| --- | --- |\n");
    for (fact, support) in rows {
        writeln!(table, "| {fact} | {support} |").unwrap();
    }
    table
}

#[test]
fn every_fact_has_a_judge_that_exists_or_says_that_it_has_none() {
    let found = problems(&facts());
    assert!(found.is_empty(), "{FACTS}: {found:#?}");
}

#[test]
fn page_shows_every_fact_and_the_counts() {
    let facts = facts();
    section::check(PAGE, "counts", &counts(&facts));
    let judged = facts.iter().filter(|fact| !fact.judges.is_empty());
    let rows = judged.map(|fact| (fact.text.clone(), links(&fact.judges)));
    section::check(PAGE, "judged facts", &table("judges, and the tests in which they judge", rows));
    let read = facts.iter().filter_map(|fact| Some((fact.text.clone(), fact.page.clone()?)));
    section::check(PAGE, "facts only read", &table("where", read));
    let open =
        facts.iter().filter_map(|fact| Some((fact.text.clone(), format!("`{}`", fact.question.as_ref()?))));
    section::check(PAGE, "open facts", &table("question of the acceptance run", open));
}

#[test]
fn problems_are_found_in_an_example() {
    let facts = parse(
        "[{fact: a, judges: [{by: b, test: absent, file: tests/doc-sync/tests/evidence.rs}]}, {fact: c}, \
         {fact: c, page: d, question: e}]",
    );
    assert_eq!(
        problems(&facts),
        [
            "a: tests/doc-sync/tests/evidence.rs has no test absent",
            "c: expected either judges, a page or a question",
            "c: the fact is listed twice",
            "c: expected either judges, a page or a question",
            "c: tests/acceptance/acceptance/questions.py has no question e",
        ]
    );
    assert!(counts(&facts).contains("| judged by third-party material | 1 |\n"));
    assert!(counts(&facts).contains("| b | 1 |\n"));
}
