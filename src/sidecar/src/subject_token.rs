//! The subject token that Google STS exchanges: a signed request or a JSON web token.

use crate::secret::Secret;

/// A subject token: one line without a newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectToken(Secret);

impl SubjectToken {
    /// Creates a subject token from its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
