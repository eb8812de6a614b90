//! The clock of a cloud. Tests shift it to advance the time or to simulate clock skew.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// SigV4's format of times.
const AMZ_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// The source of a clock's time before its shift.
#[derive(Debug)]
enum Base {
    System,
    Manual(i64),
    Other(Clock),
}

#[derive(Debug)]
struct Inner {
    base: Base,
    shift: AtomicI64,
}

/// A clock. Clones share their shift.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

impl Clock {
    fn with_base(base: Base) -> Self {
        Self(Arc::new(Inner { base, shift: AtomicI64::new(0) }))
    }

    /// Returns the system clock.
    #[must_use]
    pub fn system() -> Self {
        Self::with_base(Base::System)
    }

    /// Returns a clock that only moves when it is shifted.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::with_base(Base::Manual(now.0))
    }

    /// Returns a clock that follows this one and has an additional shift of its own.
    #[must_use]
    pub fn follower(&self) -> Self {
        Self::with_base(Base::Other(self.clone()))
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let base = match &self.0.base {
            Base::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX)),
            Base::Manual(now) => *now,
            Base::Other(clock) => clock.now().0,
        };
        Timestamp(base.saturating_add(self.0.shift.load(Ordering::Relaxed)))
    }

    /// Moves the clock forward or (negative) backward, and every follower with it.
    pub fn shift_by(&self, seconds: i64) {
        self.0.shift.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Timestamp {
    /// Returns the time that many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Converts to jiff's type. Times outside its range, years -9999 to 9999, become its maximum.
    fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Formats the time as SigV4 does, `20200811T065522Z`.
    #[must_use]
    pub fn amz(self) -> String {
        self.to_jiff().strftime(AMZ_FORMAT).to_string()
    }

    /// Formats the time for the header `Date`, `Tue, 11 Aug 2020 06:55:22 GMT`.
    #[must_use]
    pub fn http(self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(self.0.try_into().unwrap_or(0)))
    }

    /// Parses `20200811T065522Z`.
    #[must_use]
    pub fn from_amz(text: &str) -> Option<Self> {
        let civil = jiff::civil::DateTime::strptime(AMZ_FORMAT, text).ok()?;
        let timestamp = Self(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second());
        // `strptime` also accepts other spellings, such as numbers with fewer digits.
        (timestamp.amz() == text).then_some(timestamp)
    }
}

/// Formats the time as in XML and JSON of both clouds, `2020-08-11T06:55:22Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "19700101T000000Z", "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT")]
    #[case(1_597_128_922, "20200811T065522Z", "2020-08-11T06:55:22Z", "Tue, 11 Aug 2020 06:55:22 GMT")]
    #[case(951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT")]
    #[case(4_102_444_799, "20991231T235959Z", "2099-12-31T23:59:59Z", "Thu, 31 Dec 2099 23:59:59 GMT")]
    fn timestamp_formats_round_trip(
        #[case] seconds: i64,
        #[case] amz: &str,
        #[case] iso: &str,
        #[case] http: &str,
    ) {
        let moment = Timestamp(seconds);
        assert_eq!((moment.amz().as_str(), moment.to_string().as_str()), (amz, iso));
        assert_eq!(moment.http(), http);
        assert_eq!(Timestamp::from_amz(amz), Some(moment));
    }

    #[rstest]
    #[case("")]
    #[case("20200811")]
    #[case("20200811T065522")]
    #[case("20200230T000000Z")]
    #[case("20200811T250000Z")]
    #[case("2020081xT065522Z")]
    fn from_amz_rejects_invalid_timestamps(#[case] text: &str) {
        assert_eq!(Timestamp::from_amz(text), None, "{text}");
    }

    #[test]
    fn follower_adds_its_own_shift() {
        let clock = Clock::manual(Timestamp(1_000));
        let follower = clock.follower();
        follower.shift_by(7);
        clock.shift_by(100);
        assert_eq!((clock.now(), follower.now()), (Timestamp(1_100), Timestamp(1_107)));
    }
}
