//! The clouds' quotas: a number of calls in each window of time, or a bucket that is refilled.

use std::time::Duration;

use serde::Deserialize;

/// A quota.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Quota {
    /// Google's: this many calls in each minute. Rejected calls do not count.
    PerMinute(u32),
    /// AWS's: a bucket with a second's calls, which is refilled all the time.
    PerSecond(u32),
}

/// The state of a quota.
#[derive(Debug)]
pub(crate) struct Meter {
    quota: Quota,
    /// The time that has passed of the first window at the start.
    phase: Duration,
    /// The number of the window, and its accepted calls.
    window: (u64, u32),
    /// The calls that are left in the bucket, and the time of the last refill.
    bucket: (f64, Duration),
}

impl Meter {
    pub(crate) fn new(quota: Quota, phase: Duration) -> Self {
        let size = match quota {
            Quota::PerMinute(_) => 0,
            Quota::PerSecond(size) => size,
        };
        Self { quota, phase, window: (0, 0), bucket: (f64::from(size), Duration::ZERO) }
    }

    /// Counts a call at that time since the start. Returns false if it exceeds the quota.
    pub(crate) fn allows(&mut self, at: Duration) -> bool {
        match self.quota {
            Quota::PerMinute(limit) => {
                let number = (at + self.phase).as_secs() / 60;
                if self.window.0 != number {
                    self.window = (number, 0);
                }
                let allowed = self.window.1 < limit;
                self.window.1 += u32::from(allowed);
                allowed
            }
            Quota::PerSecond(rate) => {
                let (left, last) = self.bucket;
                let refill = at.saturating_sub(last).as_secs_f64() * f64::from(rate);
                let left = (left + refill).min(f64::from(rate));
                let allowed = left >= 1.0;
                self.bucket = (if allowed { left - 1.0 } else { left }, at);
                allowed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::window(Quota::PerMinute(2), 0, &[0, 30_000, 59_000, 60_000, 61_000, 62_000], &[true, true, false, true, true, false])]
    #[case::later_in_a_window(Quota::PerMinute(1), 50, &[0, 9_000, 10_000, 69_000, 70_000], &[true, false, true, false, true])]
    #[case::bucket(Quota::PerSecond(2), 0, &[0, 0, 0, 500, 600, 2_000, 2_000, 2_000], &[true, true, false, true, false, true, true, false])]
    fn quota_rejects_calls_beyond_it(
        #[case] quota: Quota,
        #[case] phase: u64,
        #[case] millis: &[u64],
        #[case] expected: &[bool],
    ) {
        let mut meter = Meter::new(quota, Duration::from_secs(phase));
        let allowed: Vec<_> = millis.iter().map(|&at| meter.allows(Duration::from_millis(at))).collect();
        assert_eq!(allowed, expected);
    }
}
