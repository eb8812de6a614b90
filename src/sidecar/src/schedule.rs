//! The refresh schedule. Time and jitter are arguments, so that tests can run a week in a second.
//!
//! Signing is local, so signatures are refreshed every two minutes. Renewing calls AWS STS, so sessions are kept for most
//! of their lifetime. A JSON web token is renewed like a session, but its issuer signs it.

use std::time::{Duration, SystemTime};

use crate::backoff::FailedAttempt;

/// The interval between signatures.
pub const RESIGN_INTERVAL: Duration = Duration::from_mins(2);
/// The time for which a signature counts as valid. AWS accepts it for 5 to 15 minutes.
pub const SIGNATURE_LIFETIME: Duration = Duration::from_mins(5);
/// The remaining lifetime below which a session no longer signs, if it can be renewed.
pub const SESSION_MIN_REMAINING: Duration = Duration::from_mins(15);

/// The fraction of a lifetime after which it is renewed at the earliest.
pub const EARLIEST_RENEWAL: f64 = 0.6;
const LATEST_RENEWAL: f64 = 0.7;
/// The same for the first renewal of a process. Pods that started together then spread out at once and stay so: they call
/// at the same rate as in the long run.
pub const EARLIEST_FIRST_RENEWAL: f64 = 0.1;

/// The lifetime of an AWS session or a JSON web token, by the corrected clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// The time at which it was obtained.
    pub obtained: SystemTime,
    /// The time at which it expires.
    pub expires: SystemTime,
}

impl Lifetime {
    /// Returns the length.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.expires.duration_since(self.obtained).unwrap_or_default()
    }

    /// Returns the time to renew: after [`renewal_fraction`] of the lifetime. At least [`SESSION_MIN_REMAINING`] remains then, if
    /// the lifetime is long enough.
    #[must_use]
    pub fn renew_at(&self, earliest: f64, jitter: f64) -> SystemTime {
        let total = self.total();
        let remaining = total.mul_f64(1.0 - renewal_fraction(earliest, jitter));
        let min_remaining = SESSION_MIN_REMAINING.min(total.mul_f64(0.4));
        self.expires - remaining.max(min_remaining)
    }
}

/// Returns the fraction of a lifetime after which it is renewed: from `earliest` to 70 %, by `jitter` (0 to 1). Pods that
/// started together then do not renew together.
#[must_use]
pub fn renewal_fraction(earliest: f64, jitter: f64) -> f64 {
    earliest + (LATEST_RENEWAL - earliest) * jitter.clamp(0.0, 1.0)
}

/// Returns the time until which a token signed at `now` is valid.
#[must_use]
pub fn valid_until(now: SystemTime, session_expires: SystemTime) -> SystemTime {
    (now + SIGNATURE_LIFETIME).min(session_expires)
}

/// The next action of the refresher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduledAction {
    /// Get a new session or token.
    Renew,
    /// Sign with the current session, or take the current token, and publish.
    Sign,
    /// Wait.
    Sleep(Duration),
}

/// The number of consecutive errors and the wait after the last one.
#[derive(Debug, Default)]
struct Attempts {
    failures: u32,
    last: Option<(SystemTime, Duration)>,
}

impl Attempts {
    /// Records an error, of which `wait` returns the wait after this many.
    fn record_failure(&mut self, now: SystemTime, wait: impl FnOnce(u32) -> Duration) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = wait(self.failures);
        self.last = Some((now, wait));
        wait
    }

    fn remaining(&self, now: SystemTime) -> Duration {
        self.last.map_or(Duration::ZERO, |(at, wait)| remaining(at, wait, now))
    }
}

/// Returns the rest of a wait that began at `at`; zero if the clock was set back beyond `at`, because too early is better
/// than never.
fn remaining(at: SystemTime, wait: Duration, now: SystemTime) -> Duration {
    now.duration_since(at).map_or(Duration::ZERO, |elapsed| wait.saturating_sub(elapsed))
}

/// The current session or token and the time at which it is renewed.
#[derive(Debug, Clone, Copy)]
struct RenewableCredential {
    lifetime: Lifetime,
    renew_at: SystemTime,
    /// True for a session, which signs repeatedly. False for a JSON web token, which is published once.
    signs: bool,
}

/// The history of renewals and publications, from which the next action follows.
#[derive(Debug, Default)]
pub struct Schedule {
    credential: Option<RenewableCredential>,
    last_publication: Option<SystemTime>,
    renewal_attempts: Attempts,
    publication_attempts: Attempts,
    /// True if the clock was set after the last renewal.
    clock_was_set: bool,
}

impl Schedule {
    /// Records a new session or token. It signs, or is published, at once.
    pub fn record_renewal(&mut self, lifetime: Lifetime, signs: bool, jitter: f64) {
        let earliest = if self.credential.is_none() { EARLIEST_FIRST_RENEWAL } else { EARLIEST_RENEWAL };
        let renew_at = lifetime.renew_at(earliest, jitter);
        self.credential = Some(RenewableCredential { lifetime, renew_at, signs });
        self.last_publication = None;
        self.renewal_attempts = Attempts::default();
        self.clock_was_set = false;
    }

    /// Records that the clock was set. A renewal is due: its response has the correct time, by which the current lifetime
    /// may end at another time than the schedule assumes.
    pub fn record_clock_set(&mut self) {
        self.clock_was_set = true;
    }

    /// Records that a renewal returned the current session or token. It is published already, or will be.
    pub fn record_unchanged(&mut self, lifetime: Lifetime, signs: bool, jitter: f64) {
        let last_publication = self.last_publication;
        self.record_renewal(lifetime, signs, jitter);
        self.last_publication = last_publication;
    }

    /// Records a failed renewal and returns the wait before the next attempt.
    pub fn record_renewal_failure(&mut self, now: SystemTime, error: FailedAttempt, jitter: f64) -> Duration {
        let expires = self.credential.map_or(now, |credential| credential.lifetime.expires);
        let remaining = expires.duration_since(now).unwrap_or_default();
        let wait = |failures| error.wait_while_valid(remaining, failures, jitter);
        self.renewal_attempts.record_failure(now, wait)
    }

    /// Records that a token was signed and published.
    pub fn record_publication(&mut self, now: SystemTime) {
        self.last_publication = Some(now);
        self.publication_attempts = Attempts::default();
    }

    /// Records that a token could not be signed or published, and returns the wait before the next attempt.
    pub fn record_publication_failure(
        &mut self,
        now: SystemTime,
        error: FailedAttempt,
        jitter: f64,
    ) -> Duration {
        self.publication_attempts.record_failure(now, |failures| error.wait(failures, jitter))
    }

    /// Returns the action for `now`.
    ///
    /// Renewal precedes signing, so that a session that expires soon does not sign if it can be renewed. While renewal
    /// fails, the current session signs until it expires.
    #[must_use]
    pub fn next_action(&self, now: SystemTime) -> ScheduledAction {
        let until_renewal = self.until_renewal(now);
        if until_renewal.is_zero() {
            return ScheduledAction::Renew;
        }
        match self.until_publication(now) {
            Some(Duration::ZERO) => ScheduledAction::Sign,
            Some(until_publication) => ScheduledAction::Sleep(until_renewal.min(until_publication)),
            None => ScheduledAction::Sleep(until_renewal),
        }
    }

    fn until_renewal(&self, now: SystemTime) -> Duration {
        let credential = self.credential.filter(|_| !self.clock_was_set);
        let due = credential
            .map_or(Duration::ZERO, |credential| credential.renew_at.duration_since(now).unwrap_or_default());
        due.max(self.renewal_attempts.remaining(now))
    }

    /// Returns `None` if there is no valid session, or no token that is still to be published.
    fn until_publication(&self, now: SystemTime) -> Option<Duration> {
        let valid = self.credential.filter(|credential| now < credential.lifetime.expires);
        let RenewableCredential { lifetime, signs, .. } = valid?;
        let due = match self.last_publication {
            None => Duration::ZERO,
            Some(at) if signs => remaining(at, RESIGN_INTERVAL, now),
            Some(_) => return None,
        };
        let due = due.max(self.publication_attempts.remaining(now));
        // If the session expires before the next signature, only the renewal is left to wait for.
        (now + due < lifetime.expires).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::backoff::Cause;

    const START: SystemTime = SystemTime::UNIX_EPOCH;
    const PERMANENT: FailedAttempt = FailedAttempt { cause: Cause::Permanent, retry_after: None };
    /// The jitter with which the first renewal is due after 60 % of the lifetime.
    const LATER_JITTER: f64 = 5.0 / 6.0;

    fn lifetime(seconds: u64) -> Lifetime {
        Lifetime { obtained: START, expires: START + Duration::from_secs(seconds) }
    }

    fn seconds(at: SystemTime) -> u64 {
        at.duration_since(START).unwrap().as_secs()
    }

    #[rstest]
    #[case::an_hour_earliest(3600, EARLIEST_RENEWAL, 0.0, 2160)]
    #[case::an_hour_latest(3600, EARLIEST_RENEWAL, 1.0, 2520)]
    #[case::the_first_earliest(3600, EARLIEST_FIRST_RENEWAL, 0.0, 360)]
    #[case::the_first_latest(3600, EARLIEST_FIRST_RENEWAL, 1.0, 2520)]
    #[case::twelve_hours(43200, EARLIEST_RENEWAL, 1.0, 30240)]
    #[case::three_quarters_keep_fifteen_minutes(2700, EARLIEST_RENEWAL, 1.0, 1800)]
    #[case::the_first_keeps_fifteen_minutes(2700, EARLIEST_FIRST_RENEWAL, 1.0, 1800)]
    #[case::too_short_for_fifteen_minutes(900, EARLIEST_RENEWAL, 1.0, 540)]
    #[case::a_minute(60, EARLIEST_RENEWAL, 1.0, 36)]
    #[case::already_expired(0, EARLIEST_FIRST_RENEWAL, 0.5, 0)]
    fn renew_at_depends_on_lifetime_and_jitter(
        #[case] total: u64,
        #[case] earliest: f64,
        #[case] jitter: f64,
        #[case] at: u64,
    ) {
        assert_eq!(seconds(lifetime(total).renew_at(earliest, jitter)), at);
    }

    /// Compares the busiest minute of a day with the mean minute, for pods that all started at once.
    #[test]
    fn renewals_of_pods_that_started_together_spread_out() {
        const PODS: u32 = 10_000;
        let mut per_minute = [0_u32; 24 * 60];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..PODS {
            let (mut schedule, mut now) = (Schedule::default(), START);
            while now < START + Duration::from_hours(24) {
                let lifetime = Lifetime { obtained: now, expires: now + Duration::from_hours(1) };
                schedule.record_renewal(lifetime, false, random.f64());
                schedule.record_publication(now);
                let ScheduledAction::Sleep(wait) = schedule.next_action(now) else {
                    panic!("{:?}", schedule.next_action(now))
                };
                now += wait;
                let minute = usize::try_from(seconds(now) / 60).unwrap();
                per_minute.get_mut(minute).into_iter().for_each(|count| *count += 1);
            }
        }
        let (mean, max) = (PODS / 39, *per_minute.iter().max().unwrap());
        assert!(max < mean * 3 / 2, "{max} in a minute, the mean is {mean}");
    }

    #[test]
    fn renewal_waits_longer_while_the_session_is_valid() {
        let mut schedule = Schedule::default();
        let mut waits = |remaining: u64| {
            schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
            let now = START + Duration::from_secs(3600 - remaining);
            [(); 20].map(|()| schedule.record_renewal_failure(now, FailedAttempt::default(), 1.0))
        };
        let (early, late) = (waits(900), waits(120));
        assert_eq!([early[1], early[19]].map(|wait| wait.as_secs()), [15, 300]);
        assert_eq!([late[1], late[19]].map(|wait| wait.as_secs()), [1, 60]);
    }

    /// An outage of ten minutes of AWS STS. All pods have a session, and those that were due retry until it ends.
    #[test]
    fn pods_with_a_session_retry_rarely_during_an_outage() {
        const PODS: usize = 10_000;
        let outage = START + Duration::from_mins(90)..START + Duration::from_mins(100);
        let mut random = fastrand::Rng::with_seed(7);
        let mut per_minute = [0_usize; 180];
        for _ in 0..PODS {
            let (mut schedule, mut now) = (Schedule::default(), START);
            while now < START + Duration::from_hours(3) {
                match schedule.next_action(now) {
                    ScheduledAction::Renew => {
                        per_minute[usize::try_from(seconds(now) / 60).unwrap()] += 1;
                        if outage.contains(&now) {
                            schedule.record_renewal_failure(now, FailedAttempt::default(), random.f64());
                        } else {
                            let lifetime = Lifetime { obtained: now, expires: now + Duration::from_hours(1) };
                            schedule.record_renewal(lifetime, false, random.f64());
                        }
                    }
                    ScheduledAction::Sign => schedule.record_publication(now),
                    ScheduledAction::Sleep(wait) => now += wait,
                }
            }
        }
        // With a retry each minute, there would be 5300 calls in the last minute of the outage: 20 times the usual number.
        let (usual, most) = (PODS / 39, per_minute[90..110].iter().max().copied().unwrap());
        assert!(most < 7 * usual, "{most} calls a minute, usually {usual}: {:?}", &per_minute[85..110]);
    }

    #[test]
    fn schedule_without_errors_signs_every_two_minutes_and_renews_at_its_time() {
        let mut schedule = Schedule::default();
        assert_eq!(schedule.next_action(START), ScheduledAction::Renew);
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sign);
        schedule.record_publication(START);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(RESIGN_INTERVAL));
        assert_eq!(schedule.next_action(START + RESIGN_INTERVAL), ScheduledAction::Sign);
        schedule.record_publication(START + Duration::from_mins(35));
        assert_eq!(
            schedule.next_action(START + Duration::from_mins(35)),
            ScheduledAction::Sleep(Duration::from_mins(1))
        );
        assert_eq!(schedule.next_action(START + Duration::from_mins(36)), ScheduledAction::Renew);
    }

    #[test]
    fn json_web_token_is_published_once() {
        let mut schedule = Schedule::default();
        schedule.record_renewal(lifetime(3600), false, LATER_JITTER);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sign);
        schedule.record_publication(START);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(Duration::from_mins(36)));
        schedule.record_renewal_failure(START + Duration::from_mins(36), PERMANENT, 1.0);
        assert_eq!(
            schedule.next_action(START + Duration::from_mins(36)),
            ScheduledAction::Sleep(Duration::from_secs(15))
        );
    }

    #[test]
    fn session_signs_until_it_expires_while_renewal_fails() {
        let mut schedule = Schedule::default();
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        let late = START + Duration::from_secs(3500);
        assert_eq!(schedule.next_action(late), ScheduledAction::Renew);
        let wait = schedule.record_renewal_failure(late, PERMANENT, 1.0);
        assert_eq!(schedule.next_action(late), ScheduledAction::Sign);
        schedule.record_publication(late);
        assert_eq!(schedule.next_action(late), ScheduledAction::Sleep(wait));
        let expired = START + Duration::from_hours(1);
        assert_eq!(schedule.next_action(expired), ScheduledAction::Renew);
        schedule.record_renewal_failure(expired, PERMANENT, 1.0);
        assert_eq!(
            schedule.next_action(expired),
            ScheduledAction::Sleep(Duration::from_secs(30)),
            "no session can sign"
        );
    }

    #[test]
    fn schedule_signs_at_once_after_the_clock_was_set_back() {
        let mut schedule = Schedule::default();
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        schedule.record_publication(START + Duration::from_mins(30));
        assert_eq!(schedule.next_action(START + Duration::from_mins(1)), ScheduledAction::Sign);
    }

    #[test]
    fn clock_that_was_set_makes_a_renewal_due_but_does_not_shorten_a_backoff() {
        let mut schedule = Schedule::default();
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        schedule.record_publication(START);
        schedule.record_clock_set();
        assert_eq!(schedule.next_action(START), ScheduledAction::Renew);
        let wait = schedule.record_renewal_failure(START, PERMANENT, 1.0);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(wait));
        assert_eq!(schedule.next_action(START + wait), ScheduledAction::Renew);
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        schedule.record_publication(START);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(RESIGN_INTERVAL));
    }

    #[test]
    fn failed_publication_does_not_delay_a_renewal() {
        let mut schedule = Schedule::default();
        schedule.record_renewal(lifetime(3600), true, LATER_JITTER);
        let wait = schedule.record_publication_failure(START, FailedAttempt::default(), 1.0);
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(wait));
        assert_eq!(schedule.next_action(START + Duration::from_mins(36)), ScheduledAction::Renew);
    }

    #[test]
    fn valid_until_is_limited_by_the_session() {
        assert_eq!(seconds(valid_until(START, START + Duration::from_hours(1))), 300);
        assert_eq!(seconds(valid_until(START, START + Duration::from_secs(100))), 100);
    }

    #[test]
    fn renewal_waits_as_long_as_the_service_asks() {
        let mut schedule = Schedule::default();
        let throttled =
            FailedAttempt { retry_after: Some(Duration::from_mins(2)), ..FailedAttempt::default() };
        let wait = schedule.record_renewal_failure(START, throttled, 0.0);
        assert_eq!(wait, Duration::from_mins(2));
        assert_eq!(schedule.next_action(START), ScheduledAction::Sleep(wait));
        assert_eq!(schedule.next_action(START + wait), ScheduledAction::Renew);
    }
}
