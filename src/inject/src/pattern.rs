//! Patterns of the platform team: `*` for any characters, `{namespace}` for the pod's namespace.

/// The name of the pod's namespace in a pattern.
const NAMESPACE: &str = "{namespace}";

/// A pattern that a whole value must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl Pattern {
    /// Refuses braces around anything but `namespace`: a misspelt name would match nothing, or itself.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; a pattern that allows everything is \"*\"".to_owned());
        }
        if text.replace(NAMESPACE, "").contains(['{', '}']) {
            return Err("has braces around something else than {namespace}".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a value of a pod in this namespace is allowed.
    pub(crate) fn matches(&self, value: &str, namespace: &str) -> bool {
        let pattern = self.0.replace(NAMESPACE, namespace);
        let mut pieces = pattern.split('*');
        let first = pieces.next().unwrap_or_default();
        let Some(rest) = value.strip_prefix(first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        // Each piece at the earliest place that it fits leaves the most for the last one, which ends the value.
        let middle = pieces.try_fold(rest, |rest, piece| Some(&rest[rest.find(piece)? + piece.len()..]));
        middle.is_some_and(|rest| rest.ends_with(last))
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn matches() {
        for (pattern, value, fits) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc", "xabc", false),
            ("*", "", true),
            ("*", "anything/at:all", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("*c", "abcd", false),
            ("a*c", "ac", true),
            ("ab*ba", "aba", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a**c", "abc", true),
            ("{namespace}-*@p.iam", "shop-batch@p.iam", true),
            ("{namespace}-*@p.iam", "shopping-batch@p.iam", false),
            ("{namespace}/{namespace}", "shop/shop", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(value, "shop"), fits, "{pattern} on {value}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for text in ["", "{name}", "{namespace", "a}", "{{namespace}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
