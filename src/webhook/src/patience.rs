//! How long the parts of a review may take: less, together, than the API server waits for the whole, so that its user
//! reads a sentence instead of "context deadline exceeded".

use std::time::Duration;

/// Of one review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// With its body.
    pub body: Duration,
    /// With the API server, where it has to be asked.
    pub live: Duration,
}

impl Patience {
    /// What the API server waits by the chart.
    pub const USUAL: Duration = Duration::from_secs(5);

    /// The parts of a review for which the API server waits so long in all. A tenth is left for the connection.
    #[must_use]
    pub fn within(review: Duration) -> Self {
        Self { body: review / 2, live: review * 2 / 5 }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::within(Self::USUAL)
    }
}
