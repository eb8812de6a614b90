//! When to do what: pure, so that a week can be tested in a second. Time and jitter are arguments.
//!
//! Signing is local and costs no request, renewing is a call to AWS STS; so a signature is young and a session is old. A
//! JSON web token is renewed as a session is, and signed by others.

use std::time::{Duration, SystemTime};

/// How often a new signature is made.
pub const RESIGN_EVERY: Duration = Duration::from_mins(2);
/// How long a signature is counted as good. AWS takes it for 5 to 15 minutes.
pub const SIGNATURE_LIFE: Duration = Duration::from_mins(5);
/// A session with less left than this is not signed with if there is a way to renew it.
pub const LEAST_LEFT: Duration = Duration::from_mins(15);

/// The shares of a life between which it is renewed.
pub const EARLIEST: f64 = 0.6;
const LATEST: f64 = 0.7;
/// The same for the first renewal of a process: pods that started together call at no higher rate than all pods do in the
/// long run, and stay apart.
pub const FIRST_EARLIEST: f64 = 0.1;

/// The first wait after a passing fault, doubled by each further one up to [`PASSING_MOST`].
const PASSING_FIRST: Duration = Duration::from_millis(500);
const PASSING_MOST: Duration = Duration::from_mins(1);
/// The same after a fault that somebody must mend: slow, since it is seldom mended within seconds, but not never.
const LASTING_FIRST: Duration = Duration::from_secs(15);
const LASTING_MOST: Duration = Duration::from_mins(5);

/// The life of an AWS session or a JSON web token, by the corrected clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it came.
    pub obtained: SystemTime,
    /// When it ends.
    pub expires: SystemTime,
}

impl Life {
    /// When to renew: at [`renewal_share`] of the life, and before less than [`LEAST_LEFT`] is left, where the life is long
    /// enough for that.
    #[must_use]
    pub fn renew_at(&self, earliest: f64, jitter: f64) -> SystemTime {
        let whole = self.expires.duration_since(self.obtained).unwrap_or_default();
        let by_share = whole.mul_f64(1.0 - renewal_share(earliest, jitter));
        let by_least = LEAST_LEFT.min(whole.mul_f64(0.4));
        self.expires - by_share.max(by_least)
    }
}

/// The share of a life after which it is renewed, from `earliest` to 70 % by `jitter` (0 to 1), so that pods that
/// started together part.
#[must_use]
pub fn renewal_share(earliest: f64, jitter: f64) -> f64 {
    earliest + (LATEST - earliest) * jitter.clamp(0.0, 1.0)
}

/// Until when a token signed at `now` is good for use.
#[must_use]
pub fn good_until(now: SystemTime, session_expires: SystemTime) -> SystemTime {
    (now + SIGNATURE_LIFE).min(session_expires)
}

/// How long to wait after the `failures`th fault in a row (1 is the first): growing to a cap, between half and whole
/// by `jitter` (0 to 1).
#[must_use]
pub fn backoff(failures: u32, lasting: bool, jitter: f64) -> Duration {
    let (first, most) = if lasting { (LASTING_FIRST, LASTING_MOST) } else { (PASSING_FIRST, PASSING_MOST) };
    let doubled = first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(most).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Get a new session or token.
    Renew,
    /// Sign with the session at hand, or take the token, and publish.
    Sign,
    /// Nothing, for so long.
    Sleep(Duration),
}

/// Faults in a row and the wait after the last of them.
#[derive(Debug, Default)]
struct Attempts {
    failures: u32,
    last: Option<(SystemTime, Duration)>,
}

impl Attempts {
    fn failed(&mut self, now: SystemTime, lasting: bool, jitter: f64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = backoff(self.failures, lasting, jitter);
        self.last = Some((now, wait));
        wait
    }

    fn left(&self, now: SystemTime) -> Duration {
        self.last.map_or(Duration::ZERO, |(at, wait)| left(at, wait, now))
    }
}

/// What is left of `wait` since `at`. Nothing if the clock went backwards over `at`: better early than never.
fn left(at: SystemTime, wait: Duration, now: SystemTime) -> Duration {
    now.duration_since(at).map_or(Duration::ZERO, |gone| wait.saturating_sub(gone))
}

/// What a subject token comes from, and when that is renewed.
#[derive(Debug, Clone, Copy)]
struct Source {
    life: Life,
    renew_at: SystemTime,
    /// Whether it signs, again and again; else it is the token.
    signs: bool,
}

/// What is known of the past, and so what comes next.
#[derive(Debug, Default)]
pub struct Schedule {
    source: Option<Source>,
    signed: Option<SystemTime>,
    renewing: Attempts,
    publishing: Attempts,
}

impl Schedule {
    /// A new session or token came. It is signed with, or published, at once.
    pub fn renewed(&mut self, life: Life, signs: bool, jitter: f64) {
        let earliest = if self.source.is_none() { FIRST_EARLIEST } else { EARLIEST };
        self.source = Some(Source { life, renew_at: life.renew_at(earliest, jitter), signs });
        self.signed = None;
        self.renewing = Attempts::default();
    }

    /// Nothing came. Answers the wait.
    pub fn renewal_failed(&mut self, now: SystemTime, lasting: bool, jitter: f64) -> Duration {
        self.renewing.failed(now, lasting, jitter)
    }

    /// A token was signed and published.
    pub fn published(&mut self, now: SystemTime) {
        self.signed = Some(now);
        self.publishing = Attempts::default();
    }

    /// A token could not be signed or published. Answers the wait.
    pub fn publishing_failed(&mut self, now: SystemTime, lasting: bool, jitter: f64) -> Duration {
        self.publishing.failed(now, lasting, jitter)
    }

    /// What to do at `now`. Renewing comes first, so that a session near its end is not signed with if there is a way
    /// to renew it; while there is none, the one at hand serves to its end.
    #[must_use]
    pub fn next(&self, now: SystemTime) -> Step {
        let renew = self.until_renewal(now);
        if renew.is_zero() {
            return Step::Renew;
        }
        match self.until_signing(now) {
            Some(Duration::ZERO) => Step::Sign,
            Some(sign) => Step::Sleep(renew.min(sign)),
            None => Step::Sleep(renew),
        }
    }

    fn until_renewal(&self, now: SystemTime) -> Duration {
        let due = self
            .source
            .map_or(Duration::ZERO, |source| source.renew_at.duration_since(now).unwrap_or_default());
        due.max(self.renewing.left(now))
    }

    /// `None` if there is nothing to sign with, or nothing more to publish.
    fn until_signing(&self, now: SystemTime) -> Option<Duration> {
        let Source { life, signs, .. } = self.source.filter(|source| now < source.life.expires)?;
        let due = match self.signed {
            None => Duration::ZERO,
            Some(at) if signs => left(at, RESIGN_EVERY, now),
            Some(_) => return None,
        };
        let due = due.max(self.publishing.left(now));
        // A session that ends before the next signature leaves only the renewal to wait for.
        (now + due < life.expires).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;
    /// What makes the first renewal come at 60 %.
    const AS_LATER: f64 = 5.0 / 6.0;

    fn life(seconds: u64) -> Life {
        Life { obtained: START, expires: START + Duration::from_secs(seconds) }
    }

    fn seconds(at: SystemTime) -> u64 {
        at.duration_since(START).unwrap().as_secs()
    }

    #[rstest]
    #[case::an_hour_earliest(3600, EARLIEST, 0.0, 2160)]
    #[case::an_hour_latest(3600, EARLIEST, 1.0, 2520)]
    #[case::the_first_earliest(3600, FIRST_EARLIEST, 0.0, 360)]
    #[case::the_first_latest(3600, FIRST_EARLIEST, 1.0, 2520)]
    #[case::twelve_hours(43200, EARLIEST, 1.0, 30240)]
    #[case::three_quarters_leave_fifteen_minutes(2700, EARLIEST, 1.0, 1800)]
    #[case::and_so_does_the_first(2700, FIRST_EARLIEST, 1.0, 1800)]
    #[case::too_short_for_that(900, EARLIEST, 1.0, 540)]
    #[case::a_minute(60, EARLIEST, 1.0, 36)]
    #[case::expired_at_birth(0, FIRST_EARLIEST, 0.5, 0)]
    fn a_session_is_renewed(#[case] whole: u64, #[case] earliest: f64, #[case] jitter: f64, #[case] at: u64) {
        assert_eq!(seconds(life(whole).renew_at(earliest, jitter)), at);
    }

    /// Renewals in the busiest minute of a day, of pods that all started at once, beside those of a mean minute.
    #[test]
    fn pods_that_started_together_part_at_once() {
        const PODS: u32 = 10_000;
        let mut a_minute = [0_u32; 24 * 60];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..PODS {
            let (mut schedule, mut now) = (Schedule::default(), START);
            while now < START + Duration::from_hours(24) {
                let life = Life { obtained: now, expires: now + Duration::from_hours(1) };
                schedule.renewed(life, false, random.f64());
                schedule.published(now);
                let Step::Sleep(wait) = schedule.next(now) else { panic!("{:?}", schedule.next(now)) };
                now += wait;
                let minute = usize::try_from(seconds(now) / 60).unwrap();
                a_minute.get_mut(minute).into_iter().for_each(|count| *count += 1);
            }
        }
        let (mean, most) = (PODS / 39, *a_minute.iter().max().unwrap());
        assert!(most < mean * 3 / 2, "{most} in a minute, where the mean is {mean}");
    }

    #[rstest]
    #[case(1, false, 1.0, 500)]
    #[case(1, false, 0.0, 250)]
    #[case(4, false, 1.0, 4_000)]
    #[case(90, false, 1.0, 60_000)]
    #[case(1, true, 1.0, 15_000)]
    #[case(3, true, 0.5, 45_000)]
    #[case(u32::MAX, true, 1.0, 300_000)]
    fn the_wait_grows_to_a_cap(
        #[case] failures: u32,
        #[case] lasting: bool,
        #[case] jitter: f64,
        #[case] wait: u64,
    ) {
        assert_eq!(backoff(failures, lasting, jitter), Duration::from_millis(wait));
    }

    #[test]
    fn a_good_hour() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next(START), Step::Renew);
        schedule.renewed(life(3600), true, AS_LATER);
        assert_eq!(schedule.next(START), Step::Sign);
        schedule.published(START);
        assert_eq!(schedule.next(START), Step::Sleep(RESIGN_EVERY));
        assert_eq!(schedule.next(START + RESIGN_EVERY), Step::Sign);
        schedule.published(START + Duration::from_mins(35));
        assert_eq!(schedule.next(START + Duration::from_mins(35)), Step::Sleep(Duration::from_mins(1)));
        assert_eq!(schedule.next(START + Duration::from_mins(36)), Step::Renew);
    }

    #[test]
    fn a_token_that_nobody_signs_is_published_once() {
        let mut schedule = Schedule::default();
        schedule.renewed(life(3600), false, AS_LATER);
        assert_eq!(schedule.next(START), Step::Sign);
        schedule.published(START);
        assert_eq!(schedule.next(START), Step::Sleep(Duration::from_mins(36)));
        schedule.renewal_failed(START + Duration::from_mins(36), true, 1.0);
        assert_eq!(schedule.next(START + Duration::from_mins(36)), Step::Sleep(Duration::from_secs(15)));
    }

    #[test]
    fn while_renewing_fails_the_session_at_hand_serves_to_its_end() {
        let mut schedule = Schedule::default();
        schedule.renewed(life(3600), true, AS_LATER);
        let late = START + Duration::from_secs(3500);
        assert_eq!(schedule.next(late), Step::Renew);
        let wait = schedule.renewal_failed(late, true, 1.0);
        assert_eq!(schedule.next(late), Step::Sign);
        schedule.published(late);
        assert_eq!(schedule.next(late), Step::Sleep(wait));
        let over = START + Duration::from_hours(1);
        assert_eq!(schedule.next(over), Step::Renew);
        schedule.renewal_failed(over, true, 1.0);
        assert_eq!(
            schedule.next(over),
            Step::Sleep(Duration::from_secs(30)),
            "there is nothing to sign with"
        );
    }

    #[test]
    fn a_clock_set_back_signs_again_instead_of_waiting_for_it() {
        let mut schedule = Schedule::default();
        schedule.renewed(life(3600), true, AS_LATER);
        schedule.published(START + Duration::from_mins(30));
        assert_eq!(schedule.next(START + Duration::from_mins(1)), Step::Sign);
    }

    #[test]
    fn a_failed_publication_waits_without_holding_up_a_renewal() {
        let mut schedule = Schedule::default();
        schedule.renewed(life(3600), true, AS_LATER);
        let wait = schedule.publishing_failed(START, false, 1.0);
        assert_eq!(schedule.next(START), Step::Sleep(wait));
        assert_eq!(schedule.next(START + Duration::from_mins(36)), Step::Renew);
    }

    #[test]
    fn a_token_is_good_no_longer_than_its_session() {
        assert_eq!(seconds(good_until(START, START + Duration::from_hours(1))), 300);
        assert_eq!(seconds(good_until(START, START + Duration::from_secs(100))), 100);
    }
}
