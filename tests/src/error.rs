//! The harness error: one message, for the person who runs the demo or reads a failed test.

use std::fmt::Display;

/// A failed operation of the harness, with its causes in the message.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Result of a harness operation.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Creates an error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Adds the failed operation to an error.
pub trait Context<T> {
    /// Prefixes the error with the operation: `OPERATION: ERROR`.
    ///
    /// # Errors
    /// Returns the original error, prefixed with `operation`.
    fn context(self, operation: impl Display) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, operation: impl Display) -> Result<T> {
        self.map_err(|error| Error(format!("{operation}: {error:#}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, operation: impl Display) -> Result<T> {
        self.ok_or_else(|| Error(operation.to_string()))
    }
}
