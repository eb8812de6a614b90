//! Token bucket: a sustained rate of calls, and a burst.

use std::time::Duration;

use tokio::time::Instant;

/// Rate limiter for calls. The current time is an argument.
#[derive(Debug)]
pub struct TokenBucket {
    /// Time between two calls at the sustained rate.
    interval: Duration,
    /// Lead that a burst may have over the sustained rate.
    burst: Duration,
    /// Time of the next call if calls were evenly spaced.
    next_due: Instant,
}

impl TokenBucket {
    /// Creates a limiter for `rate` calls a second, with bursts of `burst` calls.
    #[must_use]
    pub fn new(rate: u32, burst: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self { interval, burst: interval * burst.saturating_sub(1), next_due: now }
    }

    /// Takes a token and returns the time to wait before the call. Returns `None`, and takes no token, if that is longer
    /// than `max_wait`.
    pub fn try_acquire(&mut self, now: Instant, max_wait: Duration) -> Option<Duration> {
        let wait = self.wait(now);
        if wait > max_wait {
            return None;
        }
        self.next_due = self.next_due.max(now) + self.interval;
        Some(wait)
    }

    /// Returns the time until the next token.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Duration {
        self.next_due.saturating_duration_since(now).saturating_sub(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn try_acquire_after_burst_waits_one_interval_each_then_fails() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 3, start);
        let waits: Vec<_> = (0..6).map(|_| bucket.try_acquire(start, ms(250))).collect();
        assert_eq!(waits, [Some(ms(0)), Some(ms(0)), Some(ms(0)), Some(ms(100)), Some(ms(200)), None]);
        assert_eq!(
            bucket.try_acquire(start + ms(100), ms(250)),
            Some(ms(200)),
            "the failed call did not take a token"
        );
    }

    #[test]
    fn try_acquire_after_idle_time_allows_one_burst_only() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 2, start);
        let later = start + Duration::from_hours(1);
        let waits: Vec<_> = (0..3).map(|_| bucket.try_acquire(later, ms(1000))).collect();
        assert_eq!(waits, [Some(ms(0)), Some(ms(0)), Some(ms(100))]);
    }
}
