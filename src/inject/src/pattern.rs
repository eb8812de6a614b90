//! Patterns of the platform team: `*` matches any characters, `{namespace}` the name of the pod's namespace.

use rolebridge_core::parse::InvalidValue;

/// Placeholder for the name of the pod's namespace.
const NAMESPACE: &str = "{namespace}";

/// A pattern that must match the whole value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty or has braces around anything but `namespace`: a misspelled placeholder would
    /// only match itself.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.is_empty() {
            return Err(InvalidValue::expected("a pattern, such as \"*\" to allow everything"));
        }
        if text.replace(NAMESPACE, "").contains(['{', '}']) {
            return Err(InvalidValue::expected("a pattern with braces only in {namespace}"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns true if the pattern allows the value for a pod in the namespace.
    pub(crate) fn matches(&self, value: &str, namespace: &str) -> bool {
        let pattern = self.0.replace(NAMESPACE, namespace);
        let mut pieces = pattern.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(rest) = value.strip_prefix(first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        // Matching each piece at the earliest position leaves the longest rest for the last piece.
        let middle = pieces.try_fold(rest, |rest, piece| Some(&rest[rest.find(piece)? + piece.len()..]));
        middle.is_some_and(|rest| rest.ends_with(last))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Pattern;

    #[rstest]
    #[case("abc", "abc", true)]
    #[case("abc", "abcd", false)]
    #[case("abc", "xabc", false)]
    #[case("*", "", true)]
    #[case("*", "anything/at:all", true)]
    #[case("a*", "abc", true)]
    #[case("a*", "ba", false)]
    #[case("*c", "abc", true)]
    #[case("*c", "abcd", false)]
    #[case("a*c", "ac", true)]
    #[case("ab*ba", "aba", false)]
    #[case("a*b*c", "a-b-b-c", true)]
    #[case("a*b*c", "a-c-b", false)]
    #[case("a**c", "abc", true)]
    #[case("{namespace}-*@p.iam", "shop-batch@p.iam", true)]
    #[case("{namespace}-*@p.iam", "shopping-batch@p.iam", false)]
    #[case("{namespace}/{namespace}", "shop/shop", true)]
    fn pattern_matches_the_whole_value(#[case] pattern: &str, #[case] value: &str, #[case] matches: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(value, "shop"), matches);
    }

    #[test]
    fn parse_of_an_invalid_pattern_fails() {
        for text in ["", "{name}", "{namespace", "a}", "{{namespace}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
