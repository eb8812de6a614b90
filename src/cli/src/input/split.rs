//! Splits a YAML or JSON stream into the texts of its documents, so that unchanged ones are written byte for byte.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// Splits a stream into the texts of its documents. A text begins with the separator line before the document.
pub(crate) fn split(text: &str) -> Vec<&str> {
    split_json(text).unwrap_or_else(|| split_yaml(text))
}

/// Splits concatenated JSON objects, as kubectl does. A text ends with the whitespace after its object.
fn split_json(text: &str) -> Option<Vec<&str>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut objects = Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut documents = Vec::new();
    let mut start = 0;
    while let Some(object) = objects.next() {
        object.ok()?;
        let end = text.len() - text[objects.byte_offset()..].trim_start().len();
        documents.push(&text[start..end]);
        start = end;
    }
    Some(documents)
}

fn split_yaml(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let (mut start, mut position) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_separator(line) && position > start {
            documents.push(&text[start..position]);
            start = position;
        }
        position += line.len();
    }
    if position > start {
        documents.push(&text[start..position]);
    }
    documents
}

/// Splits a document's text into its separator line, which may be empty, and the rest.
pub(crate) fn separator(document: &str) -> (&str, &str) {
    let end = document.find('\n').map_or(document.len(), |newline| newline + 1);
    if is_separator(&document[..end]) { document.split_at(end) } else { document.split_at(0) }
}

/// Returns true if a document without its separator is JSON.
pub(crate) fn is_json(body: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(body).is_ok()
}

/// Returns true for `---`, alone or with a comment.
///
/// `--- text` begins a document on the same line; no Kubernetes tool writes that.
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| {
        let rest = rest.trim();
        rest.is_empty() || rest.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", &[])]
    #[case("a: 1\n", &["a: 1\n"])]
    #[case("a: 1\n---\nb: 2", &["a: 1\n", "---\nb: 2"])]
    #[case("---\na: 1\n--- # second\nb: 2\n", &["---\na: 1\n", "--- # second\nb: 2\n"])]
    #[case("a: |\n  ---x\n  -- -\n", &["a: |\n  ---x\n  -- -\n"])]
    #[case("---\n---\n", &["---\n", "---\n"])]
    #[case("{\"a\": 1}\n", &["{\"a\": 1}\n"])]
    #[case("{\"a\": 1}\n{\"a\": 2}{}", &["{\"a\": 1}\n", "{\"a\": 2}", "{}"])]
    #[case("{\"a\": 1}\n---\n{a: 2}\n", &["{\"a\": 1}\n", "---\n{a: 2}\n"])]
    fn split_keeps_every_byte(#[case] text: &str, #[case] documents: &[&str]) {
        assert_eq!(split(text), documents);
        assert_eq!(split(text).concat(), text);
    }

    #[test]
    fn separator_without_separator_is_empty() {
        assert_eq!(separator("---\na: 1\n"), ("---\n", "a: 1\n"));
        assert_eq!(separator("a: 1\n"), ("", "a: 1\n"));
    }
}
