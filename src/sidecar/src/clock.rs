//! The time that is signed with. A node's clock may be wrong, and AWS refuses a signature that is minutes off; its
//! answers carry a `Date`, refusals too, so the clock is corrected by that, until somebody sets it right.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::TimeSource;
use tokio::time::Instant;

/// A difference up to this is left alone: it is within what AWS takes, and `Date` counts whole seconds.
pub const TOLERANCE: Duration = Duration::from_mins(1);

/// The local clock, corrected by what AWS says. Clones share the correction.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    local: Box<dyn Fn() -> SystemTime + Send + Sync>,
    correction: Mutex<Option<Correction>>,
}

/// What AWS said, and when that was by both clocks of this machine.
#[derive(Debug, Clone, Copy)]
struct Correction {
    /// To add to the local clock.
    seconds: i64,
    local: SystemTime,
    at: Instant,
}

impl Correction {
    /// Whether the local clock is still the one that AWS's was compared with: the monotonic one, which nobody sets, has
    /// gone as far since.
    fn holds(&self, local: SystemTime, now: Instant) -> bool {
        let unset = self.local.checked_add(now.duration_since(self.at));
        unset.is_some_and(|unset| difference(unset, local) == 0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("offset", &self.offset()).finish_non_exhaustive()
    }
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(SystemTime::now)
    }

    /// A clock that shows what `local` says.
    #[must_use]
    pub fn from_fn(local: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { local: Box::new(local), correction: Mutex::default() }))
    }

    /// The corrected time: what AWS's clock shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        shifted(self.local(), self.offset())
    }

    /// The uncorrected time: what other programs on this machine see.
    #[must_use]
    pub fn local(&self) -> SystemTime {
        (self.0.local)()
    }

    /// A corrected time as other programs on this machine see it.
    #[must_use]
    pub fn to_local(&self, corrected: SystemTime) -> SystemTime {
        shifted(corrected, -self.offset())
    }

    /// Seconds that AWS's clock is ahead of the local one; 0 within the [`TOLERANCE`], and from when the local one is set
    /// until AWS's next answer: whoever sets a clock sets it right, and that answer may be most of an hour away.
    #[must_use]
    pub fn offset(&self) -> i64 {
        let mut correction = self.0.correction.lock().unwrap_or_else(PoisonError::into_inner);
        let (local, now) = (self.local(), Instant::now());
        if correction.take_if(|correction| !correction.holds(local, now)).is_some() {
            tracing::info!("the node's clock was set; signing with it");
        }
        correction.map_or(0, |correction| correction.seconds)
    }

    /// Takes a `Date` header that has just arrived from AWS, and says so in the log if it changes the correction.
    pub fn observe(&self, date: &str) {
        let Ok(theirs) = httpdate::parse_http_date(date) else { return };
        let before = self.offset();
        let (local, at) = (self.local(), Instant::now());
        let seconds = difference(local, theirs);
        let correction = (seconds != 0).then_some(Correction { seconds, local, at });
        *self.0.correction.lock().unwrap_or_else(PoisonError::into_inner) = correction;
        if seconds.abs_diff(before) <= TOLERANCE.as_secs() && (seconds == 0) == (before == 0) {
            return;
        }
        if seconds == 0 {
            tracing::info!("the node's clock agrees with AWS's again; signing with it");
        } else {
            tracing::warn!(
                offset_seconds = seconds,
                "the node's clock differs from AWS's by {} s; signing with AWS's time until it is set right",
                seconds.unsigned_abs()
            );
        }
    }
}

/// The AWS SDK signs its own requests with it.
impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.now()
    }
}

/// Seconds to add to `ours` to get `theirs`; 0 within the [`TOLERANCE`].
fn difference(ours: SystemTime, theirs: SystemTime) -> i64 {
    let (ahead, sign) = match theirs.duration_since(ours) {
        Ok(ahead) => (ahead, 1),
        Err(behind) => (behind.duration(), -1),
    };
    if ahead <= TOLERANCE { 0 } else { sign * i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX) }
}

fn shifted(at: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 { at.checked_sub(by) } else { at.checked_add(by) };
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
    #[case::right(0, 0)]
    #[case::a_minute_slow(-60, 0)]
    #[case::slow(-61, 61)]
    #[case::fast_by_an_hour(3600, -3600)]
    fn a_difference_of_more_than_a_minute_is_corrected(#[case] local: i64, #[case] offset: i64) {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE.checked_add_signed(local).unwrap());
        let clock = Clock::from_fn(move || at);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), offset);
        assert_eq!(clock.local(), at);
        assert_eq!(clock.to_local(clock.now()), at);
        assert_eq!(clock.now(), shifted(at, offset));
    }

    #[test]
    fn nonsense_changes_nothing_and_a_clock_set_right_is_trusted_again() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE);
        let clock = Clock::from_fn(move || at);
        clock.observe("Sun, 06 Nov 1994 09:49:37 GMT");
        clock.observe("yesterday");
        assert_eq!(clock.offset(), 3600);
        clock.observe("Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(clock.offset(), 0);
    }

    /// A node's clock `wrong` seconds off, which goes on with tokio's time, and what sets it.
    fn node(wrong: i64) -> (Clock, Arc<AtomicI64>) {
        let (start, off) = (Instant::now(), Arc::new(AtomicI64::new(wrong)));
        let read = Arc::clone(&off);
        let clock = Clock::from_fn(move || {
            let right = SystemTime::UNIX_EPOCH + Duration::from_secs(EXAMPLE) + start.elapsed();
            shifted(right, read.load(Ordering::Relaxed))
        });
        (clock, off)
    }

    #[rstest]
    #[case::set_right(-600, 0, 0)]
    #[case::set_right_from_ahead(600, 0, 0)]
    #[case::moved_a_little(-600, -545, 600)]
    #[case::left_alone(-600, -600, 600)]
    #[case::set_and_still_wrong(-600, -300, 0)]
    #[tokio::test(start_paused = true)]
    async fn a_correction_ends_when_the_clock_is_set(
        #[case] wrong: i64,
        #[case] set_to: i64,
        #[case] offset: i64,
    ) {
        let (clock, off) = node(wrong);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), -wrong);
        tokio::time::advance(Duration::from_mins(30)).await;
        assert_eq!(clock.offset(), -wrong, "time alone changes nothing");
        off.store(set_to, Ordering::Relaxed);
        assert_eq!(clock.offset(), offset);
        off.store(wrong, Ordering::Relaxed);
        assert_eq!(clock.offset(), offset, "what has ended does not begin again");
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_is_a_new_beginning() {
        let (clock, off) = node(-600);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        off.store(-300, Ordering::Relaxed);
        clock.observe("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.offset(), 300);
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(clock.offset(), 300);
    }
}
