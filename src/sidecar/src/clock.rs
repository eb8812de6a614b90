//! The clock that signatures are made with.
//!
//! A node's clock may be wrong, and AWS rejects a signature that is minutes off. All AWS responses, errors too, have a
//! `Date`. The clock is corrected by it until the node's clock is set.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use tokio::time::Instant;

/// The maximum difference that is not corrected: AWS accepts it, and `Date` has whole seconds.
pub const TOLERANCE: Duration = Duration::from_mins(1);

/// The local clock, corrected by AWS's. Clones share the correction.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    local: Box<dyn Fn() -> SystemTime + Send + Sync>,
    correction: Mutex<Option<Correction>>,
    last_check: Mutex<Reading>,
}

/// The time by both clocks of this node.
#[derive(Debug, Clone, Copy)]
struct Reading {
    local: SystemTime,
    at: Instant,
}

impl Reading {
    /// Returns true if the local clock was set between the readings: it has not advanced as far as the monotonic clock,
    /// which cannot be set.
    fn was_set_before(&self, later: Self) -> bool {
        let expected = self.local.checked_add(later.at.duration_since(self.at));
        expected.is_none_or(|expected| difference(expected, later.local) != 0)
    }
}

/// The difference to AWS's clock, and the time of the comparison.
#[derive(Debug, Clone, Copy)]
struct Correction {
    /// Seconds to add to the local clock.
    seconds: i64,
    reading: Reading,
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

impl Clock {
    /// Returns the system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(SystemTime::now)
    }

    /// Creates a clock that reads its local time from `local`.
    #[must_use]
    pub fn from_fn(local: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        let last_check = Mutex::new(Reading { local: local(), at: Instant::now() });
        Self(Arc::new(Inner { local: Box::new(local), correction: Mutex::default(), last_check }))
    }

    /// Returns the corrected time: AWS's.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        shifted(self.local(), self.offset())
    }

    /// Returns the uncorrected time, which other programs on this node read.
    #[must_use]
    pub fn local(&self) -> SystemTime {
        (self.0.local)()
    }

    fn read(&self) -> Reading {
        Reading { local: self.local(), at: Instant::now() }
    }

    /// Returns true if the local clock was set since the last call, or the node was suspended.
    #[must_use]
    pub fn was_set(&self) -> bool {
        let reading = self.read();
        let mut last_check = self.0.last_check.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last_check, reading).was_set_before(reading)
    }

    /// Converts a corrected time to the time that other programs on this node read.
    #[must_use]
    pub fn to_local(&self, corrected: SystemTime) -> SystemTime {
        shifted(corrected, -self.offset())
    }

    /// Returns the seconds that AWS's clock is ahead of the local one; 0 within the [`TOLERANCE`].
    ///
    /// Also 0 from when the local clock is set until the next response from AWS. A clock that was set is assumed to be
    /// correct until then.
    #[must_use]
    pub fn offset(&self) -> i64 {
        let mut correction = self.0.correction.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = self.read();
        if correction.take_if(|correction| correction.reading.was_set_before(reading)).is_some() {
            tracing::info!("the node's clock was set; signing with it");
        }
        correction.map_or(0, |correction| correction.seconds)
    }

    /// Updates the correction from a `Date` header that AWS has just sent, and logs a change of it.
    pub fn observe(&self, date: &str) {
        let Ok(remote) = httpdate::parse_http_date(date) else { return };
        let previous = self.offset();
        let reading = self.read();
        let seconds = difference(reading.local, remote);
        let correction = (seconds != 0).then_some(Correction { seconds, reading });
        *self.0.correction.lock().unwrap_or_else(PoisonError::into_inner) = correction;
        if seconds.abs_diff(previous) <= TOLERANCE.as_secs() && (seconds == 0) == (previous == 0) {
            return;
        }
        if seconds == 0 {
            tracing::info!("the node's clock agrees with AWS's again; signing with it");
        } else {
            tracing::warn!(
                offset_seconds = seconds,
                "the node's clock differs from AWS's by {} s; signing with AWS's time until it is set",
                seconds.unsigned_abs()
            );
        }
    }
}

/// The time source for the requests that the AWS SDK signs.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}

/// Returns the seconds to add to `local` to get `remote`; 0 within the [`TOLERANCE`].
fn difference(local: SystemTime, remote: SystemTime) -> i64 {
    let (distance, sign) = match remote.duration_since(local) {
        Ok(ahead) => (ahead, 1),
        Err(behind) => (behind.duration(), -1),
    };
    if distance <= TOLERANCE { 0 } else { sign * i64::try_from(distance.as_secs()).unwrap_or(i64::MAX) }
}

fn shifted(at: SystemTime, seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { at.checked_sub(distance) } else { at.checked_add(distance) };
    shifted.unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use rstest::rstest;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example.
    const EXAMPLE: u64 = 784_111_777;

    #[rstest]
    #[case::correct(0, 0)]
    #[case::a_minute_slow(-60, 0)]
    #[case::slow(-61, 61)]
    #[case::fast_by_an_hour(3600, -3600)]
    fn clock_corrects_a_difference_of_more_than_a_minute(#[case] local: i64, #[case] offset: i64) {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE.checked_add_signed(local).unwrap());
        let clock = Clock::from_fn(move || at);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), offset);
        assert_eq!(clock.local(), at);
        assert_eq!(clock.to_local(clock.now()), at);
        assert_eq!(clock.now(), shifted(at, offset));
    }

    #[test]
    fn clock_ignores_an_invalid_date_and_drops_the_correction_when_both_agree() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE);
        let clock = Clock::from_fn(move || at);
        clock.observe("Sun, 06 Nov 1994 09:49:37 GMT");
        clock.observe("yesterday");
        assert_eq!(clock.offset(), 3600);
        clock.observe("Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(clock.offset(), 0);
    }

    /// Returns a node's clock that is `error` seconds off and advances with tokio's time, and the value that sets it.
    fn node_clock(error: i64) -> (Clock, Arc<AtomicI64>) {
        let (start, error) = (Instant::now(), Arc::new(AtomicI64::new(error)));
        let read = Arc::clone(&error);
        let clock = Clock::from_fn(move || {
            let correct = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE) + start.elapsed();
            shifted(correct, read.load(Ordering::Relaxed))
        });
        (clock, error)
    }

    #[rstest]
    #[case::set_correctly(-600, 0, 0)]
    #[case::set_correctly_from_ahead(600, 0, 0)]
    #[case::moved_a_little(-600, -545, 600)]
    #[case::unchanged(-600, -600, 600)]
    #[case::set_incorrectly(-600, -300, 0)]
    #[tokio::test(start_paused = true)]
    async fn correction_ends_when_the_node_clock_is_set(
        #[case] error: i64,
        #[case] set_to: i64,
        #[case] offset: i64,
    ) {
        let (clock, current_error) = node_clock(error);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), -error);
        tokio::time::advance(Duration::from_mins(30)).await;
        assert_eq!(clock.offset(), -error, "time alone does not change it");
        current_error.store(set_to, Ordering::Relaxed);
        assert_eq!(clock.offset(), offset);
        current_error.store(error, Ordering::Relaxed);
        assert_eq!(clock.offset(), offset, "a correction that ended does not return");
    }

    #[tokio::test(start_paused = true)]
    async fn clock_that_was_set_is_noticed_once() {
        let (clock, error) = node_clock(0);
        for (seconds, was_set) in
            [(0, false), (60, false), (-1, true), (-1, false), (3600, true), (3600, false)]
        {
            tokio::time::advance(Duration::from_mins(40)).await;
            error.store(seconds, Ordering::Relaxed);
            assert_eq!(clock.was_set(), was_set, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_response_replaces_the_correction() {
        let (clock, error) = node_clock(-600);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        error.store(-300, Ordering::Relaxed);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), 300);
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(clock.offset(), 300);
    }
}
