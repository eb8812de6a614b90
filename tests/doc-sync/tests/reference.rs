//! Checks the reference's tables of annotations and environment variables.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::fmt::Write;

use rolebridge_core::annotations::{ALL, PREFIX};
use rolebridge_doc_sync::section;

const PAGE: &str = "docs/src/reference.md";

fn annotations() -> String {
    let mut table = String::from("| annotation | meaning | default |\n| --- | --- | --- |\n");
    for annotation in ALL {
        let meaning = annotation.meaning.trim();
        writeln!(table, "| `{}` | {meaning} | {} |", annotation.key, annotation.default).unwrap();
    }
    table
}

/// Renders the variables of a module of `env.rs` with their doc comments.
fn variables(module: &str) -> String {
    let source = include_str!("../../../src/core/src/env.rs");
    let (_, rest) = source.split_once(&format!("pub mod {module} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    let mut table = String::from("| variable | meaning |\n| --- | --- |\n");
    let mut meaning = Vec::new();
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            meaning.push(text);
        } else if let Some((_, value)) = line.split_once(": &str = \"") {
            let meaning = std::mem::take(&mut meaning).join(" ");
            assert!(!meaning.contains("[`"), "{value}: expected no rustdoc links, found {meaning}");
            writeln!(table, "| `{}` | {meaning} |", value.trim_end_matches("\";")).unwrap();
        }
    }
    table
}

#[test]
fn reference_lists_every_annotation() {
    section::check(PAGE, "annotations", &annotations());
}

#[test]
fn reference_lists_every_variable() {
    section::check(PAGE, "the sidecar's variables", &variables("sidecar"));
    section::check(PAGE, "the app's variables", &variables("app"));
}

#[test]
fn annotation_keys_are_unique_and_have_the_prefix() {
    let mut keys: Vec<_> = ALL.iter().map(|annotation| annotation.key).collect();
    assert!(keys.iter().all(|key| key.starts_with(PREFIX)));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), ALL.len());
}
