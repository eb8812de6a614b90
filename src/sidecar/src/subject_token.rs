//! The subject token that Google STS exchanges: a signed request or a JSON web token.

use percent_encoding::percent_decode_str;
use serde::Deserialize;

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

/// The content of a subject token that is a signed request: see [`crate::sign`].
#[derive(Deserialize)]
pub(crate) struct SignedRequest {
    pub(crate) headers: Vec<SignedHeader>,
    pub(crate) url: String,
}

/// A header of a signed request.
#[derive(Deserialize)]
pub(crate) struct SignedHeader {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl SignedRequest {
    /// Decodes a subject token. Returns `None` if it is a JSON web token.
    pub(crate) fn decode(token: &str) -> Option<Self> {
        let json = percent_decode_str(token).decode_utf8().ok()?;
        serde_json::from_str(&json).ok()
    }
}
