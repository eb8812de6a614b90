//! Random delays, so that replicas and watches do not act at the same time.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delay after the first of several consecutive errors.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Maximum delay: a recovered API server is noticed within this time.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Exponential backoff: each delay is random, between a half and the whole of a doubling maximum.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    consecutive_errors: u32,
}

impl Backoff {
    /// Returns the delay after one more error.
    pub(super) fn next_delay(&mut self) -> Duration {
        let factor = 2_u32.saturating_pow(self.consecutive_errors);
        self.consecutive_errors = self.consecutive_errors.saturating_add(1);
        let max = FIRST_DELAY.saturating_mul(factor).min(MAX_DELAY);
        random_between(max / 2, max)
    }

    /// Starts over after a success.
    pub(super) const fn reset(&mut self) {
        self.consecutive_errors = 0;
    }
}

/// Returns a random duration in this range.
pub(super) fn random_between(min: Duration, max: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 1001;
    min + max.saturating_sub(min) * u32::try_from(random).unwrap_or_default() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_delay_doubles_up_to_the_maximum_and_starts_over_after_reset() {
        let mut backoff = Backoff::default();
        for max in [1, 2, 4, 8, 10, 10].map(Duration::from_secs) {
            let delay = backoff.next_delay();
            assert!((max / 2..=max).contains(&delay), "{delay:?} of {max:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= FIRST_DELAY);
    }

    #[test]
    fn random_between_differs_each_time_and_stays_in_the_range() {
        let (min, max) = (Duration::from_secs(45), Duration::from_mins(1));
        let delays: Vec<_> = (0..100).map(|_| random_between(min, max)).collect();
        assert!(delays.iter().all(|delay| (min..=max).contains(delay)), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay != delays[0]));
    }
}
