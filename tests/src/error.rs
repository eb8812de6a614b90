//! A failure of the harness: a sentence, for the person who runs the demo or reads a failed test.

use std::fmt::Display;

/// What failed, and why.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// The harness's own results.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that says this.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// Says what was being done when another error came up.
pub trait Context<T> {
    /// `WHAT: the error`.
    ///
    /// # Errors
    /// The same that was there, with `what` before it.
    fn context(self, what: impl Display) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl Display) -> Result<T> {
        self.map_err(|error| Failure(format!("{what}: {error:#}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, what: impl Display) -> Result<T> {
        self.ok_or_else(|| Failure(what.to_string()))
    }
}
