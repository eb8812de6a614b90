//! A stream of YAML or JSON as its documents, each with its text, so that what is not injected goes out byte for byte.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

/// The texts of the documents, each with the separator line that ends the one before it.
pub(crate) fn split(text: &str) -> Vec<&str> {
    split_json(text).unwrap_or_else(|| split_yaml(text))
}

/// JSON objects one after the other, as kubectl takes them, each with the blanks that follow it.
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
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_separator(line) && at > start {
            documents.push(&text[start..at]);
            start = at;
        }
        at += line.len();
    }
    if at > start {
        documents.push(&text[start..at]);
    }
    documents
}

/// A document's text without its separator, and the separator.
pub(crate) fn separator(document: &str) -> (&str, &str) {
    let end = document.find('\n').map_or(document.len(), |newline| newline + 1);
    if is_separator(&document[..end]) { document.split_at(end) } else { document.split_at(0) }
}

/// `---`, alone or with a comment after it. (`--- text` begins a document on the same line, which no tool of this field
/// writes.)
fn is_separator(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| {
        let rest = rest.trim();
        rest.is_empty() || rest.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_and_their_separators() {
        for (text, documents) in [
            ("", &[][..]),
            ("a: 1\n", &["a: 1\n"][..]),
            ("a: 1\n---\nb: 2", &["a: 1\n", "---\nb: 2"][..]),
            ("---\na: 1\n--- # second\nb: 2\n", &["---\na: 1\n", "--- # second\nb: 2\n"][..]),
            ("a: |\n  ---x\n  -- -\n", &["a: |\n  ---x\n  -- -\n"][..]),
            ("---\n---\n", &["---\n", "---\n"][..]),
            ("{\"a\": 1}\n", &["{\"a\": 1}\n"][..]),
            ("{\"a\": 1}\n{\"a\": 2}{}", &["{\"a\": 1}\n", "{\"a\": 2}", "{}"][..]),
            ("{\"a\": 1}\n---\n{a: 2}\n", &["{\"a\": 1}\n", "---\n{a: 2}\n"][..]),
        ] {
            assert_eq!(split(text), documents, "{text:?}");
            assert_eq!(split(text).concat(), text);
        }
        assert_eq!(separator("---\na: 1\n"), ("---\n", "a: 1\n"));
        assert_eq!(separator("a: 1\n"), ("", "a: 1\n"));
    }
}
