//! Escapes of characters that steer a terminal or hide text from its reader.
//!
//! Names, annotations, images and messages of a cluster were written by others, and so was each file of a pull request.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns true for a character that a terminal or a reader could take for something else than text.
///
/// Control characters begin escape sequences, and U+009B does so alone. Bidirectional controls reorder a line, so that a
/// command reads differently from what is copied. Invisible characters and line separators hide or fake text.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Escapes the harmful characters of a text for people: `\n`, `\u{202e}`.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    Cow::Owned(escaped)
}

/// Escapes the harmful characters of a JSON document. Programs read the same strings.
///
/// A JSON document has such characters within strings only, apart from line breaks, which no string contains.
pub(crate) fn escape_json(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len());
    for c in document.chars() {
        if c == '\n' || !is_harmful(c) {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String never fails.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("ü ✓ 名前 $(id)", "ü ✓ 名前 $(id)")]
    #[case::escape_sequence("ü\u{1b}[31m\n", "ü\\u{1b}[31m\\n")]
    #[case::c1("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}")]
    #[case::bidi("a\u{202e}b\u{2066}\u{200f}\u{61c}", "a\\u{202e}b\\u{2066}\\u{200f}\\u{61c}")]
    #[case::invisible("\u{200b}\u{feff}\u{e0041}", "\\u{200b}\\u{feff}\\u{e0041}")]
    #[case::line_separators("\r\u{2028}\u{2029}\t", "\\r\\u{2028}\\u{2029}\\t")]
    fn escape_shows_harmful_characters(#[case] text: &str, #[case] escaped: &str) {
        assert_eq!(escape(text), escaped);
    }

    #[test]
    fn escape_json_keeps_the_strings() {
        let strings = ["\u{9b}31m", "\u{202e}", "\u{e0041}", "\u{7f}", "\n\"\\", "ü"];
        let document = escape_json(&serde_json::to_string_pretty(&strings).unwrap());
        assert!(!document.contains(|c| c != '\n' && is_harmful(c)), "{document}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&document).unwrap(), strings);
    }
}
