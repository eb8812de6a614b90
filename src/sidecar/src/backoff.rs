//! The waits after errors. Jitter is an argument, so that tests can choose it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Service};

/// The waits after consecutive errors: the first wait, and the longest. A wait is twice the one before.
#[derive(Debug, Clone, Copy)]
struct Waits {
    first: Duration,
    longest: Duration,
}

/// After an error that may pass at once.
const TRANSIENT: Waits = Waits { first: Duration::from_millis(500), longest: Duration::from_mins(1) };
/// After an error that an operator must fix, which seldom takes seconds.
const PERMANENT: Waits = Waits { first: Duration::from_secs(15), longest: Duration::from_mins(5) };
/// After a call that exceeded Google's quota. It counts calls by the minute, so a retry within seconds is rejected too.
const OVER_QUOTA: Waits = Waits { first: Duration::from_mins(1), longest: Duration::from_mins(4) };

/// The attempts for which the remaining lifetime of a token has room.
const ATTEMPTS_WHILE_VALID: u32 = 3;
/// The longest wait while a token is valid.
const LONGEST_WHILE_VALID: Duration = Duration::from_mins(5);
/// The factor by which the wait grows while a token is valid for long: half a second, 15 seconds, minutes.
const GROWTH_WHILE_VALID: u32 = 30;
/// The remaining lifetime of a token below which its renewal is retried as without one.
const MIN_RELAXED_REMAINING: Duration = Duration::from_mins(3);

/// The maximum wait that a service may ask for: it has recovered by then, or asks again.
pub const MAX_RETRY_AFTER: Duration = Duration::from_mins(5);

/// Returns the wait after the given number of consecutive errors (1 is the first). The wait doubles up to a maximum, and
/// `jitter` (0 to 1) chooses between half of it and all of it.
#[must_use]
pub fn backoff(failures: u32, permanent: bool, jitter: f64) -> Duration {
    let Waits { first, longest } = if permanent { PERMANENT } else { TRANSIENT };
    grow(first, 2, longest, failures, jitter)
}

fn grow(first: Duration, factor: u32, longest: Duration, failures: u32, jitter: f64) -> Duration {
    let grown = first.saturating_mul(factor.saturating_pow(failures.saturating_sub(1)));
    grown.min(longest).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

/// Returns the wait after an error with the header `Retry-After`: at least as long as the service asks, and at least the
/// [`backoff`]. `jitter` adds up to half, because all pods that were rejected together get the same header.
#[must_use]
pub fn backoff_after(retry_after: Option<Duration>, backoff: Duration, jitter: f64) -> Duration {
    let asked = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    backoff.max(asked.mul_f64(1.0 + 0.5 * jitter.clamp(0.0, 1.0)))
}

/// The cause of an error, as far as it determines the wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cause {
    /// An error that may pass at once.
    #[default]
    Transient,
    /// An error that an operator must fix.
    Permanent,
    /// Too many calls in this minute.
    OverQuota,
}

/// The parts of an error that determine the wait after it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The cause.
    pub cause: Cause,
    /// The time that the service asks to wait.
    pub retry_after: Option<Duration>,
}

impl FailedAttempt {
    /// Returns the wait after this many consecutive errors.
    #[must_use]
    pub fn wait(self, failures: u32, jitter: f64) -> Duration {
        let Waits { first, longest } = match self.cause {
            Cause::Transient => TRANSIENT,
            Cause::Permanent => PERMANENT,
            Cause::OverQuota => OVER_QUOTA,
        };
        backoff_after(self.retry_after, grow(first, 2, longest, failures, jitter), jitter)
    }

    /// Returns the same while an earlier session or token is valid for `remaining`. After a transient error, the second attempt
    /// follows at once, and later ones take up to a third of the remaining time, at most five minutes. Each pod thus has several
    /// attempts before its token expires, and all pods together do not overload a service that recovers.
    #[must_use]
    pub fn wait_while_valid(self, remaining: Duration, failures: u32, jitter: f64) -> Duration {
        let (first, factor) = match self.cause {
            _ if remaining < MIN_RELAXED_REMAINING => return self.wait(failures, jitter),
            Cause::Permanent => return self.wait(failures, jitter),
            Cause::Transient => (TRANSIENT.first, GROWTH_WHILE_VALID),
            Cause::OverQuota => (OVER_QUOTA.first, 2),
        };
        let longest = (remaining / ATTEMPTS_WHILE_VALID).min(LONGEST_WHILE_VALID);
        backoff_after(self.retry_after, grow(first, factor, longest, failures, jitter), jitter)
    }
}

impl From<&Error> for FailedAttempt {
    fn from(error: &Error) -> Self {
        let is_google = matches!(error.service(), Some(Service::GoogleSts | Service::IamCredentials));
        let cause = match error.kind() {
            // AWS and the agent refill their quotas all the time.
            ErrorKind::Throttled if is_google => Cause::OverQuota,
            _ if error.is_permanent() => Cause::Permanent,
            _ => Cause::Transient,
        };
        Self { cause, retry_after: error.retry_after() }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn attempt(cause: Cause) -> FailedAttempt {
        FailedAttempt { cause, retry_after: None }
    }

    #[rstest]
    #[case(1, Cause::Transient, 1.0, 500)]
    #[case(1, Cause::Transient, 0.0, 250)]
    #[case(4, Cause::Transient, 1.0, 4_000)]
    #[case(90, Cause::Transient, 1.0, 60_000)]
    #[case(1, Cause::Permanent, 1.0, 15_000)]
    #[case(3, Cause::Permanent, 0.5, 45_000)]
    #[case(u32::MAX, Cause::Permanent, 1.0, 300_000)]
    #[case::the_next_minute_of_a_quota(1, Cause::OverQuota, 0.0, 30_000)]
    #[case(1, Cause::OverQuota, 1.0, 60_000)]
    #[case(9, Cause::OverQuota, 1.0, 240_000)]
    fn wait_grows_to_a_maximum(
        #[case] failures: u32,
        #[case] cause: Cause,
        #[case] jitter: f64,
        #[case] wait: u64,
    ) {
        let wait = Duration::from_millis(wait);
        assert_eq!(attempt(cause).wait(failures, jitter), wait);
        if cause != Cause::OverQuota {
            assert_eq!(backoff(failures, cause == Cause::Permanent, jitter), wait);
        }
    }

    #[rstest]
    #[case::just_renewed(3600, Cause::Transient, [500, 15_000, 300_000])]
    #[case::a_quarter_of_an_hour(900, Cause::Transient, [500, 15_000, 300_000])]
    #[case::nine_minutes(540, Cause::Transient, [500, 15_000, 180_000])]
    #[case::two_minutes(120, Cause::Transient, [500, 1_000, 60_000])]
    #[case::expired(0, Cause::Transient, [500, 1_000, 60_000])]
    #[case::permanent(3600, Cause::Permanent, [15_000, 30_000, 300_000])]
    #[case::over_quota(3600, Cause::OverQuota, [60_000, 120_000, 300_000])]
    #[case::over_quota_near_the_end(120, Cause::OverQuota, [60_000, 120_000, 240_000])]
    fn wait_is_longer_while_a_token_is_valid(
        #[case] remaining: u64,
        #[case] cause: Cause,
        #[case] expected: [u128; 3],
    ) {
        let wait = |failures| {
            attempt(cause).wait_while_valid(Duration::from_secs(remaining), failures, 1.0).as_millis()
        };
        assert_eq!([wait(1), wait(2), wait(20)], expected);
    }

    #[rstest]
    #[case::google(ErrorKind::Throttled, Service::GoogleSts, Cause::OverQuota)]
    #[case::impersonation(ErrorKind::Throttled, Service::IamCredentials, Cause::OverQuota)]
    #[case::aws(ErrorKind::Throttled, Service::AwsSts, Cause::Transient)]
    #[case::agent(ErrorKind::Throttled, Service::PodIdentity, Cause::Transient)]
    #[case::outage(ErrorKind::ServerError, Service::GoogleSts, Cause::Transient)]
    #[case::denied(ErrorKind::ConditionRejected, Service::GoogleSts, Cause::Permanent)]
    fn only_googles_quotas_count_by_the_minute(
        #[case] kind: ErrorKind,
        #[case] service: Service,
        #[case] cause: Cause,
    ) {
        assert_eq!(FailedAttempt::from(&Error::new(kind, "").from_service(service)).cause, cause);
    }

    #[rstest]
    #[case::none(None, 0.0, 500)]
    #[case::shorter_than_the_backoff(Some(0), 0.0, 500)]
    #[case::as_asked(Some(30), 0.0, 30_000)]
    #[case::spread(Some(30), 1.0, 45_000)]
    #[case::bounded(Some(86_400), 0.0, 300_000)]
    fn wait_is_as_long_as_the_service_asks(
        #[case] retry_after: Option<u64>,
        #[case] jitter: f64,
        #[case] expected: u64,
    ) {
        let retry_after = retry_after.map(Duration::from_secs);
        let wait = backoff_after(retry_after, Duration::from_millis(500), jitter);
        assert_eq!(wait, Duration::from_millis(expected));
    }
}
