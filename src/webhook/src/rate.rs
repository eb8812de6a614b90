//! A token bucket: so many a second, and a few at once.

use std::time::Duration;

use tokio::time::Instant;

/// Spaces calls out. Time is an argument.
#[derive(Debug)]
pub struct Bucket {
    /// The time between two calls in the long run.
    interval: Duration,
    /// How far calls may run ahead of that.
    burst: Duration,
    /// When the next call would be due if calls came evenly.
    due: Instant,
}

impl Bucket {
    /// `rate` calls a second, `burst` at once.
    #[must_use]
    pub fn new(rate: u32, burst: u32, now: Instant) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        Self { interval, burst: interval * burst.saturating_sub(1), due: now }
    }

    /// Takes a turn, and says how long to wait for it. `None`, and no turn, if that is longer than `patience`.
    pub fn turn(&mut self, now: Instant, patience: Duration) -> Option<Duration> {
        let due = self.due.max(now);
        let wait = (due - now).saturating_sub(self.burst);
        if wait > patience {
            return None;
        }
        self.due = due + self.interval;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_burst_then_one_an_interval_then_none() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 3, start);
        let waits: Vec<_> = (0..6).map(|_| bucket.turn(start, ms(250))).collect();
        assert_eq!(waits, [Some(ms(0)), Some(ms(0)), Some(ms(0)), Some(ms(100)), Some(ms(200)), None]);
        assert_eq!(
            bucket.turn(start + ms(100), ms(250)),
            Some(ms(200)),
            "a turn that was refused was not taken"
        );
    }

    #[test]
    fn rest_fills_it_up_and_no_further() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 2, start);
        let later = start + Duration::from_hours(1);
        let waits: Vec<_> = (0..3).map(|_| bucket.turn(later, ms(1000))).collect();
        assert_eq!(waits, [Some(ms(0)), Some(ms(0)), Some(ms(100))]);
    }
}
