//! The README's table of annotations is the one in the code.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

use std::fmt::Write;

use rolebridge_contract::annotations::{ALL, PREFIX};

const BEGIN: &str = "`UPDATE=1 cargo test -p rolebridge-contract` -->\n";
const END: &str = "<!-- end of annotations -->";

fn table() -> String {
    let mut table = String::from("| annotation | meaning | default |\n| --- | --- | --- |\n");
    for annotation in ALL {
        let meaning = annotation.meaning.trim();
        writeln!(table, "| `{}` | {meaning} | {} |", annotation.key, annotation.default).unwrap();
    }
    table
}

#[test]
fn the_readme_lists_every_annotation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has the mark before the table");
    let (_, after) = rest.split_once(END).expect("the README has the mark after the table");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, wanted).unwrap();
    } else {
        assert_eq!(readme, wanted, "run: UPDATE=1 cargo test -p rolebridge-contract");
    }
}

#[test]
fn every_key_is_ours_and_said_once() {
    let mut keys: Vec<_> = ALL.iter().map(|annotation| annotation.key).collect();
    assert!(keys.iter().all(|key| key.starts_with(PREFIX)));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), ALL.len());
}
