//! Quoting of values in the commands, policies and modules that are printed for people to copy.

use serde_json::Value;
use shlex::Quoter;

use crate::output::to_yaml;

/// Quotes a word for a POSIX shell, if it needs quotes.
pub(crate) fn shell(word: &str) -> String {
    // With allow_nul, no word is an error.
    Quoter::new().allow_nul(true).quote(word).unwrap_or_default().into_owned()
}

/// Quotes a string for JSON.
pub(crate) fn json(text: &str) -> String {
    Value::from(text).to_string()
}

/// Quotes a string for YAML, if it needs quotes. A text of several lines is not supported.
pub(crate) fn yaml(text: &str) -> String {
    to_yaml(&text).map_or_else(|_| json(text), |yaml| yaml.trim_end_matches('\n').to_owned())
}

/// Quotes a string for Terraform, in which no part of it is an interpolation or a directive.
pub(crate) fn terraform(text: &str) -> String {
    json(text).replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// Returns the words that a shell reads.
    fn words(line: &str) -> Vec<String> {
        let output = Command::new("sh").args(["-c", &format!("printf '%s\\0' {line}")]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(ToOwned::to_owned).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn shell_keeps_every_word(list in prop::collection::vec("[^\0]{0,20}|[ -~]{0,20}", 1..8)) {
            let quoted: Vec<_> = list.iter().map(|word| shell(word)).collect();
            prop_assert_eq!(words(&quoted.join(" ")), list);
        }

        #[test]
        fn yaml_keeps_every_line(text in "[ -~]{0,20}|\\PC{0,20}") {
            let document = format!("key: {}\n", yaml(&text));
            let value: std::collections::BTreeMap<String, String> = serde_saphyr::from_str(&document).unwrap();
            prop_assert_eq!(&value["key"], &text);
        }
    }

    /// YAML does not count them as spaces, so they may stand at the end of a plain scalar.
    #[rstest]
    #[case::en_quad("a\u{2000}")]
    #[case::no_break_space("a\u{a0}")]
    fn yaml_keeps_unicode_spaces_at_the_end(#[case] text: &str) {
        assert!(yaml(text).contains(text), "{:?}", yaml(text));
    }

    #[rstest]
    #[case::plain("shop", "shop")]
    #[case::substitution("$(id)`id`", "'$(id)`id`'")]
    #[case::quote("a'b", r#""a'b""#)]
    #[case::empty("", "''")]
    fn shell_quotes_what_needs_quotes(#[case] word: &str, #[case] quoted: &str) {
        assert_eq!(shell(word), quoted);
    }

    #[rstest]
    #[case::plain("https://a", r#""https://a""#)]
    #[case::interpolation("${var.a}%{if}$", r#""$${var.a}%%{if}$""#)]
    #[case::quote("a\"\\\n", r#""a\"\\\n""#)]
    fn terraform_has_no_interpolation(#[case] text: &str, #[case] quoted: &str) {
        assert_eq!(terraform(text), quoted);
    }
}
