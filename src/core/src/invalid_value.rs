//! The error of every value parser.

use std::borrow::Cow;
use std::fmt;

/// An error about a value that cannot be parsed: the expected form, and perhaps a hint for the fix.
///
/// Displays as `expected <X>`. [`InvalidValue::found`] adds the value and the hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidValue {
    expected: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
}

impl InvalidValue {
    /// Creates an error from the expected form, for example `an AWS region, such as eu-west-1`.
    pub fn expected(expected: impl Into<Cow<'static, str>>) -> Self {
        Self { expected: expected.into(), hint: None }
    }

    /// Creates an error with a hint for the fix, an imperative such as `drop the leading //iam.googleapis.com/`.
    pub fn with_hint(expected: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { expected: expected.into(), hint: Some(hint.into()) }
    }

    /// Returns the expected form.
    #[must_use]
    pub fn expectation(&self) -> &str {
        &self.expected
    }

    /// Returns the hint for the fix, without a full stop.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Displays `expected <X>, found <found>`, then `. Fix: <hint>` if there is a hint. No full stop at the end.
    pub fn found<F: fmt::Display>(&self, found: F) -> impl fmt::Display + use<'_, F> {
        fmt::from_fn(move |f| {
            write!(f, "{self}, found {found}")?;
            self.hint().map_or(Ok(()), |hint| write!(f, ". Fix: {hint}"))
        })
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for InvalidValue {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_value_displays_the_expected_form() {
        let error = InvalidValue::expected("an AWS region, such as eu-west-1");
        assert_eq!(error.to_string(), "expected an AWS region, such as eu-west-1");
        assert_eq!(
            error.found("\"x\"").to_string(),
            "expected an AWS region, such as eu-west-1, found \"x\""
        );
    }

    #[test]
    fn invalid_value_with_hint_displays_the_fix_after_the_value() {
        let error = InvalidValue::with_hint("a provider", "drop the leading //iam.googleapis.com/");
        assert_eq!(error.to_string(), "expected a provider");
        assert_eq!(
            error.found("\"//iam.googleapis.com/x\"").to_string(),
            "expected a provider, found \"//iam.googleapis.com/x\". Fix: drop the leading //iam.googleapis.com/"
        );
    }
}
