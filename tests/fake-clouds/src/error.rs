//! Errors in a configuration: the location and the problem.

/// An invalid configuration: the clouds would reject the creation of such an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{location}: {problem}")]
pub struct ConfigError {
    location: String,
    problem: String,
}

impl ConfigError {
    pub(crate) fn new(location: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { location: location.into(), problem: problem.into() }
    }
}
