//! The book's lists of refusals and warnings are what the cases get, without the cases' own values.

use std::collections::BTreeSet;
use std::fmt::Write;

use rolebridge_inject::{Decision, Reason};

use crate::case::{Case, files};
use crate::section;

const PAGE: &str = "docs/src/troubleshooting.md";

/// A sentence of whoever reads it: the first value between quotes is `"…"`, and the place of it `(…)`.
fn anyones(sentence: &str) -> String {
    if let Some((before, after)) = sentence.split_once(": expected ") {
        let (key, _) = before.split_once(' ').unwrap_or((before, ""));
        let (expected, found) = after.split_once(", found ").unwrap_or((after, ""));
        let fix = found.split_once(". Fix: ").map_or(String::new(), |(_, fix)| format!(" Fix: {fix}"));
        return format!("{key} …: expected {expected}, found \"…\".{fix}");
    }
    let Some((before, rest)) = sentence.split_once(": \"") else { return without_place(sentence) };
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let after = end.map_or("", |end| rest[end + 1..].trim_start_matches('…'));
    without_place(&format!("{before}: \"…\"{after}"))
}

fn without_place(sentence: &str) -> String {
    let precedence = [" (on the ", " (the default)", " (in the chart"];
    let Some((start, place)) =
        precedence.iter().filter_map(|place| Some((sentence.find(place)?, *place))).min()
    else {
        return sentence.to_owned();
    };
    let after = &sentence[start + place.len()..];
    let after =
        if place.ends_with(')') { after } else { after.split_once(')').map_or("", |(_, after)| after) };
    format!("{} (…){after}", &sentence[..start])
}

#[test]
fn the_book_lists_every_refusal() {
    let mut said = BTreeSet::new();
    for case in files().iter().map(|path| Case::read(path)) {
        if let Decision::Deny(refusal) = case.admit(&case.pod).decision {
            said.insert((refusal.reason, anyones(&refusal.message)));
        }
    }
    let reasons: BTreeSet<Reason> = said.iter().map(|(reason, _)| *reason).collect();
    let mut table = String::from("| code | sentence |\n| --- | --- |\n");
    for (reason, sentence) in &said {
        writeln!(table, "| `{}` | {sentence} |", reason.code()).unwrap();
    }
    section::hold(PAGE, "refusals", &table);
    let silent = [Reason::NotOptedIn, Reason::OptedOut, Reason::MirrorPod, Reason::AlreadyInjected];
    for reason in Reason::ALL.iter().filter(|reason| !silent.contains(reason)) {
        assert!(reasons.contains(reason), "no case is refused for {}", reason.code());
    }
}

#[test]
fn the_book_lists_every_warning() {
    let cases = files();
    let warnings = cases.iter().map(|path| Case::read(path)).flat_map(|case| case.admit(&case.pod).warnings);
    let said: BTreeSet<_> = warnings.map(|warning| anyones(&warning)).collect();
    let mut table = String::from("| warning |\n| --- |\n");
    for warning in &said {
        writeln!(table, "| {warning} |").unwrap();
    }
    section::hold(PAGE, "warnings", &table);
}
