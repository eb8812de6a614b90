//! What is wrong with a configuration: where, and what would be right.

/// A configuration that the fakes refuse, as the clouds would refuse to create such a thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ConfigError {
    place: String,
    fault: String,
}

impl ConfigError {
    pub(crate) fn new(place: impl Into<String>, fault: impl Into<String>) -> Self {
        Self { place: place.into(), fault: fault.into() }
    }
}
