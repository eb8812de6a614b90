//! The status file that `run` writes and `ready`, another process, reads. It is next to the token's file.
//!
//! The file contains no secret, because the app can read it too.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Failure};

/// The reason before the first response.
pub const NO_RESPONSE_YET: &str = "no token yet: waiting for the first response";
/// The reason while there is no status file.
const JUST_STARTED: &str = "no token yet: the sidecar has just started";

/// The content of the status file. Times are Unix seconds by the node's own clock, which `ready` has too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The time until which the published token is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<u64>,
    /// The current error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorSummary>,
}

/// An error as the status file contains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSummary {
    /// The code of the error's kind.
    pub code: String,
    /// The message, without the fix.
    pub message: String,
    /// The fix.
    pub remediation: String,
}

impl From<&Error> for ErrorSummary {
    fn from(error: &Error) -> Self {
        Self {
            code: error.kind().code().to_owned(),
            message: error.message(),
            remediation: error.remediation().to_owned(),
        }
    }
}

impl From<ErrorSummary> for Failure {
    fn from(error: ErrorSummary) -> Self {
        Self { message: error.message, remediation: Some(error.remediation) }
    }
}

impl Status {
    /// Returns true if the published token is valid at `now`, by the node's own clock.
    #[must_use]
    pub fn is_valid_at(&self, now: SystemTime) -> bool {
        self.valid_until.is_some_and(|until| unix_seconds(now) < until)
    }
}

/// Returns Unix seconds. Times before 1970 count as 1970.
#[must_use]
pub fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Checks that the app can start.
///
/// # Errors
/// Returns an error with the reason if there is no valid token.
pub fn check_ready(status: Option<&Status>, token_exists: bool, now: SystemTime) -> Result<(), Failure> {
    let Some(status) = status else { return Err(Failure::new(JUST_STARTED)) };
    if token_exists && status.is_valid_at(now) {
        return Ok(());
    }
    Err(status.error.clone().map_or_else(|| Failure::new(NO_RESPONSE_YET), Failure::from))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const MESSAGE: &str = "AWS STS: no. Fix: ask.";

    fn status(valid_until: Option<u64>, has_error: bool) -> Status {
        let error = ErrorSummary {
            code: "access-denied".to_owned(),
            message: "AWS STS: no".to_owned(),
            remediation: "ask".to_owned(),
        };
        Status { valid_until, error: has_error.then_some(error) }
    }

    #[rstest]
    #[case::just_started(None, false, Err(JUST_STARTED))]
    #[case::only_a_token(None, true, Err(JUST_STARTED))]
    #[case::no_response_yet(Some(status(None, false)), false, Err(NO_RESPONSE_YET))]
    #[case::error(Some(status(None, true)), false, Err(MESSAGE))]
    #[case::valid(Some(status(Some(101), false)), true, Ok(()))]
    #[case::valid_although_renewal_fails(Some(status(Some(101), true)), true, Ok(()))]
    #[case::expired(Some(status(Some(100), false)), true, Err(NO_RESPONSE_YET))]
    #[case::expired_because_renewal_fails(Some(status(Some(100), true)), true, Err(MESSAGE))]
    #[case::token_removed(Some(status(Some(101), false)), false, Err(NO_RESPONSE_YET))]
    fn check_ready_requires_a_valid_token(
        #[case] status: Option<Status>,
        #[case] token_exists: bool,
        #[case] expected: Result<(), &str>,
    ) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let result = check_ready(status.as_ref(), token_exists, now);
        assert_eq!(result.map_err(|failure| failure.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn status_round_trips_as_json() {
        let json = serde_json::to_string(&status(Some(7), true)).unwrap();
        assert_eq!(
            json,
            r#"{"valid_until":7,"error":{"code":"access-denied","message":"AWS STS: no","remediation":"ask"}}"#
        );
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status(Some(7), true));
    }
}
