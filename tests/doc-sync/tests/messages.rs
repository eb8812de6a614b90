//! Checks the spaces of messages: one space between words, no line break in a string literal.
//!
//! A missing `\` at the end of a line leaves the indentation of the next line in the message.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use rolebridge_doc_sync::pages::root;

/// Returns the files below a folder with this extension, except build artifacts.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nested = paths.flat_map(|path| match path.is_dir() {
        true if path.ends_with("target") => Vec::new(),
        true => files(&path, extension),
        false => vec![path],
    });
    nested.filter(|path| path.extension().is_some_and(|other| other == extension)).collect()
}

/// Returns the string literals of a Rust file with their line numbers, without raw strings and comments. A `\` at the end
/// of a line removes the line break and the indentation.
fn literals(text: &str) -> Vec<(usize, String)> {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r##"(?s)//[^\n]*|r"[^"]*"|r#+".*?"#+|b?'(?:\\.[^']*|[^'\\])'|"((?:\\.|[^"\\])*)""##)
            .unwrap()
    });
    static CONTINUATION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n\s*").unwrap());
    let found = TOKEN.captures_iter(text).filter_map(|captures| captures.get(1));
    let line = |start: usize| text[..start].matches('\n').count() + 1;
    found
        .map(|literal| (line(literal.start()), CONTINUATION.replace_all(literal.as_str(), "").into_owned()))
        .collect()
}

/// A gap within a sentence: after a comma or a word that cannot end a column of a table.
const GAP_IN_SENTENCE: &str = r"(?:[,;] {2}|\b(?:an?|the|and|or|of|to|in|is|are|that|which|with|for|by|from|not|be|has|have|on|at)) {2,}[^\s/]";

/// A gap within a literal of one line, or an indentation within a literal of several lines.
const GAP_IN_LITERAL: &str = r"^[^\n\\]*[a-z,.;:)] {2,}[a-z(]|[a-z,]\n {4,24}[a-z]";

fn find(pattern: &str, lines: impl Iterator<Item = (PathBuf, usize, String)>) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let found = lines.filter(|(_, _, text)| pattern.is_match(text));
    found
        .map(|(file, line, text)| {
            format!("{}:{line}: {text:?}", file.strip_prefix(root()).unwrap().display())
        })
        .collect()
}

#[test]
fn literals_have_single_spaces_between_words() {
    let lines = files(&root().join("src"), "rs").into_iter().flat_map(|file| {
        let literals = literals(&fs::read_to_string(&file).unwrap());
        literals.into_iter().map(move |(line, literal)| (file.clone(), line, literal)).collect::<Vec<_>>()
    });
    let found = find(&format!("{GAP_IN_SENTENCE}|{GAP_IN_LITERAL}"), lines);
    assert!(found.is_empty(), "literals with a gap or a line break in a sentence:\n{}", found.join("\n"));
}

#[test]
fn snapshots_have_single_spaces_between_words() {
    let folders = ["src", "tests/fixtures", "tests/tests"];
    let snapshots = folders.iter().flat_map(|folder| files(&root().join(folder), "snap"));
    let lines = snapshots.flat_map(|file| {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().enumerate().map(|(index, line)| (file.clone(), index + 1, line.to_owned()));
        lines.collect::<Vec<_>>()
    });
    let found = find(GAP_IN_SENTENCE, lines);
    assert!(found.is_empty(), "snapshots with a gap in a sentence:\n{}", found.join("\n"));
}

#[test]
fn gaps_are_found_in_examples() {
    let source = r#"f("one, two"); f("of\
        two"); // "not  this"
        f("and,          the"); f("no backslash
            here"); f("a: {}  {b}"); f("first   column")"#;
    let literals = literals(source);
    let gap = Regex::new(&format!("{GAP_IN_SENTENCE}|{GAP_IN_LITERAL}")).unwrap();
    let found: Vec<_> =
        literals.iter().filter(|(_, text)| gap.is_match(text)).map(|(line, _)| *line).collect();
    assert_eq!((literals.len(), found), (6, vec![3, 3, 4]));
}
