//! Formats names and lists of names from an unvalidated pod for messages, each with a maximum length.

use std::fmt;

use rolebridge_core::redact::{MAX_QUOTED_CHARS, Quoted};

/// A name or a path: unquoted if it has only characters of Kubernetes names and paths, else quoted like any value.
pub(crate) struct DisplayName<'a>(pub(crate) &'a str);

impl fmt::Display for DisplayName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = (1..=MAX_QUOTED_CHARS).contains(&self.0.len())
            && self.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
        if is_plain { f.write_str(self.0) } else { Quoted(self.0).fmt(f) }
    }
}

/// Maximum number of names in a warning: the API server may truncate a warning at 256 characters.
pub(crate) const MAX_NAMES_IN_WARNING: usize = 3;

/// Maximum number of names in a denial.
pub(crate) const MAX_NAMES_IN_DENIAL: usize = 10;

/// Joins names to `a, b, c and 47 more`. Returns `None` for an empty list.
pub(crate) fn join_names<'a>(max: usize, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut names = names.into_iter();
    let mut text = DisplayName(names.next()?).to_string();
    for name in names.by_ref().take(max - 1) {
        text = format!("{text}, {}", DisplayName(name));
    }
    match names.count() {
        0 => Some(text),
        more => Some(format!("{text} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn display_name_with_unusual_characters_is_quoted() {
        for (name, displayed) in [
            ("vault-agent", "vault-agent"),
            ("/var/run/x.y_z", "/var/run/x.y_z"),
            ("", "\"\""),
            ("a b\n", "\"a b\\n\""),
        ] {
            assert_eq!(DisplayName(name).to_string(), displayed);
        }
        assert_eq!(DisplayName(&"n".repeat(1 << 20)).to_string(), format!("\"{}\"…", "n".repeat(120)));
    }

    #[rstest]
    #[case("", None)]
    #[case("a", Some("a"))]
    #[case("a b c", Some("a, b, c"))]
    #[case("a b c d", Some("a, b, c and 1 more"))]
    #[case("a b c d e f", Some("a, b, c and 3 more"))]
    fn join_names_over_the_maximum_counts_the_rest(#[case] names: &str, #[case] joined: Option<&str>) {
        assert_eq!(join_names(3, names.split_whitespace()).as_deref(), joined);
    }
}
