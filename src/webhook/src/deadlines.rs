//! Deadlines for the steps of a review. Together they are shorter than the API server's timeout, so that the user reads
//! a message instead of "context deadline exceeded".

use std::time::Duration;

/// Deadlines of one review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// Deadline for reading the request body.
    pub body: Duration,
    /// Deadline for live reads from the API server.
    pub live_read: Duration,
}

impl Deadlines {
    /// Default `timeoutSeconds` of the chart's webhook configurations.
    pub const DEFAULT_REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

    /// Splits the API server's timeout for a review. A tenth is left for the connection.
    #[must_use]
    pub fn within(review_timeout: Duration) -> Self {
        Self { body: review_timeout / 2, live_read: review_timeout * 2 / 5 }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self::within(Self::DEFAULT_REVIEW_TIMEOUT)
    }
}
