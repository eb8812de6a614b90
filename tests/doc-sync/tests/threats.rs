//! Checks that the threat model names a test for each threat, and that each of these tests exists.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::fs;
use std::sync::LazyLock;

use regex::Regex;
use rolebridge_doc_sync::named_tests::NamedTest;
use rolebridge_doc_sync::pages::root;

/// The folder of the page, to which its links are relative.
const FOLDER: &str = "docs/src";
const PAGE: &str = "docs/src/threat-model.md";

/// Returns the rows of the tables below the heading "Threats", each with its last cell.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let section = page.split("\n## ").find(|section| section.starts_with("Threats\n")).unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    rows.filter_map(|row| Some((row, row.trim_end_matches(" |").rsplit_once(" | ")?.1)))
        .filter(|(_, cell)| *cell != "tests")
        .collect()
}

fn named_tests(cell: &str) -> Vec<NamedTest<'_>> {
    static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\[`([^`]+)`\]\(([^)]+)\)").unwrap());
    let captures = LINK.captures_iter(cell);
    captures
        .map(|found| NamedTest { name: found.get(1).unwrap().as_str(), file: found.get(2).unwrap().as_str() })
        .collect()
}

#[test]
fn every_threat_names_tests_that_exist() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let rows = rows(&page);
    assert!(!rows.is_empty(), "{PAGE}: expected a table of threats, found none");
    let untested: Vec<_> =
        rows.iter().filter(|(_, cell)| named_tests(cell).is_empty()).map(|(row, _)| row).collect();
    assert!(untested.is_empty(), "{PAGE}: rows that name no test: {untested:#?}");
    let missing: Vec<_> =
        rows.iter().flat_map(|(_, cell)| named_tests(cell)).filter(|test| !test.exists(FOLDER)).collect();
    assert!(missing.is_empty(), "{PAGE}: tests that do not exist: {missing:#?}");
}

#[test]
fn rows_and_their_tests_are_found_in_an_example() {
    let page = "# Model\n\n## Threats\n\n| threat | tests |\n| --- | --- |\n| a | [`b`](c.rs), [`d`](e.sh) |\n| f | none |\n\n## Limits\n\n| g | h |\n";
    let rows = rows(page);
    assert_eq!(rows.iter().map(|(_, cell)| *cell).collect::<Vec<_>>(), ["[`b`](c.rs), [`d`](e.sh)", "none"]);
    let tests = named_tests(rows[0].1);
    assert_eq!(tests, [NamedTest { name: "b", file: "c.rs" }, NamedTest { name: "d", file: "e.sh" }]);
    assert!(tests.iter().all(|test| !test.exists(FOLDER)));
    assert!(named_tests(rows[1].1).is_empty());
}
