//! The error type of the measurements.

/// An error of any step.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
