//! The pages' tables of annotations and environment variables are the ones in the code.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

mod section;

use std::fmt::Write;

use rolebridge_core::annotations::{ALL, PREFIX};

fn annotations() -> String {
    let mut table = String::from("| annotation | meaning | default |\n| --- | --- | --- |\n");
    for annotation in ALL {
        let meaning = annotation.meaning.trim();
        writeln!(table, "| `{}` | {meaning} | {} |", annotation.key, annotation.default).unwrap();
    }
    table
}

/// The variables of a module of `environment.rs`, with what stands above each.
fn variables(module: &str) -> String {
    let source = include_str!("../src/env.rs");
    let (_, rest) = source.split_once(&format!("pub mod {module} {{\n")).unwrap();
    let (inside, _) = rest.split_once("\n}\n").unwrap();
    let mut table = String::from("| variable | meaning |\n| --- | --- |\n");
    let mut meaning = Vec::new();
    for line in inside.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("/// ") {
            meaning.push(text);
        } else if let Some((_, value)) = line.split_once(": &str = \"") {
            let meaning = std::mem::take(&mut meaning).join(" ");
            assert!(!meaning.contains("[`"), "{value} a link of rustdoc is none on a page: {meaning}");
            writeln!(table, "| `{}` | {meaning} |", value.trim_end_matches("\";")).unwrap();
        }
    }
    table
}

#[test]
fn the_reference_lists_every_annotation_and_variable() {
    let page = "docs/src/reference.md";
    section::hold(page, "annotations", &annotations());
    section::hold(page, "the sidecar's variables", &variables("sidecar"));
    section::hold(page, "the app's variables", &variables("app"));
}

#[test]
fn every_key_is_ours_and_said_once() {
    let mut keys: Vec<_> = ALL.iter().map(|annotation| annotation.key).collect();
    assert!(keys.iter().all(|key| key.starts_with(PREFIX)));
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), ALL.len());
}
