//! The clock of a cloud. Tests shift it to advance the time or to simulate clock skew.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, in seconds since 1970 (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

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

    /// Returns year, month and day (Howard Hinnant's `civil_from_days`).
    const fn civil(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    const fn time_of_day(self) -> (i64, i64, i64) {
        let second = self.0.rem_euclid(86_400);
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// Formats the time as SigV4 does, `20200811T065522Z`.
    #[must_use]
    pub fn amz(self) -> String {
        let (year, month, day) = self.civil();
        let (hour, minute, second) = self.time_of_day();
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// Formats the time for the header `Date`, `Tue, 11 Aug 2020 06:55:22 GMT`.
    #[must_use]
    pub fn http(self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(self.0.try_into().unwrap_or(0)))
    }

    /// Parses `20200811T065522Z`.
    #[must_use]
    pub fn from_amz(text: &str) -> Option<Self> {
        let digits = text.strip_suffix('Z')?;
        let (date, time) = digits.split_once('T')?;
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if date.len() != 8 || time.len() != 6 || !all_digits(date) || !all_digits(time) {
            return None;
        }
        let number = |part: &str| part.parse::<i64>().ok();
        let (year, month, day) = (number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?);
        let (hour, minute, second) = (number(&time[..2])?, number(&time[2..4])?, number(&time[4..])?);
        let moment = Self(days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second);
        // A date that does not exist is formatted as a different one.
        (moment.amz() == text).then_some(moment)
    }
}

/// Howard Hinnant's `days_from_civil`.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Formats the time as in XML and JSON of both clouds, `2020-08-11T06:55:22Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        let (hour, minute, second) = self.time_of_day();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamp_formats_round_trip() {
        for (seconds, amz, iso, http) in [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_597_128_922, "20200811T065522Z", "2020-08-11T06:55:22Z", "Tue, 11 Aug 2020 06:55:22 GMT"),
            (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (4_102_444_799, "20991231T235959Z", "2099-12-31T23:59:59Z", "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            let moment = Timestamp(seconds);
            assert_eq!((moment.amz().as_str(), moment.to_string().as_str()), (amz, iso));
            assert_eq!(moment.http(), http);
            assert_eq!(Timestamp::from_amz(amz), Some(moment));
        }
    }

    #[test]
    fn from_amz_rejects_invalid_timestamps() {
        for text in
            ["", "20200811", "20200811T065522", "20200230T000000Z", "20200811T250000Z", "2020081xT065522Z"]
        {
            assert_eq!(Timestamp::from_amz(text), None, "{text}");
        }
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
