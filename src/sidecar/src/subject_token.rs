//! What Google STS exchanges: a signed request or a JSON web token.

use crate::secret::Secret;

/// A subject token, ready to be given to Google STS: one line, no newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectToken(Secret);

impl SubjectToken {
    /// Takes its text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// The token's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
