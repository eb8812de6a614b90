//! What the sidecar says of itself to `ready`, which is another process: a small file beside the token's, and pure
//! decisions on it. It carries no secret, since the app can read it too.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// Before the first answer.
pub const NOT_YET: &str = "no token yet: there has been no answer so far";
/// The sidecar has not come so far as to say anything.
const SILENT: &str = "no token yet: the sidecar has only just started";

/// The file's content. Times are Unix seconds by the machine's own clock, which is what `ready` has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Until when the token in the file is good for use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_until: Option<u64>,
    /// What is wrong now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Said>,
}

/// A fault, as it is said to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its code.
    pub code: String,
    /// Its sentence.
    pub sentence: String,
}

impl From<&Fault> for Said {
    fn from(fault: &Fault) -> Self {
        Self { code: fault.reason().code().to_owned(), sentence: fault.to_string() }
    }
}

impl State {
    /// Whether the token in the file is good for use at `now`, by the machine's own clock.
    #[must_use]
    pub fn is_good_at(&self, now: SystemTime) -> bool {
        self.good_until.is_some_and(|until| unix_seconds(now) < until)
    }
}

/// Unix seconds. What came before 1970 counts as 1970.
#[must_use]
pub fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Whether the app can start.
///
/// # Errors
/// Why it cannot yet, in a sentence.
pub fn ready(state: Option<&State>, token_is_there: bool, now: SystemTime) -> Result<(), String> {
    let Some(state) = state else { return Err(SILENT.to_owned()) };
    if token_is_there && state.is_good_at(now) {
        return Ok(());
    }
    Err(state.fault.as_ref().map_or_else(|| NOT_YET.to_owned(), |fault| fault.sentence.clone()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SENTENCE: &str = "AWS STS: no.";

    fn state(good_until: Option<u64>, faulty: bool) -> State {
        let said = Said { code: "access-denied".to_owned(), sentence: SENTENCE.to_owned() };
        State { good_until, fault: faulty.then_some(said) }
    }

    #[rstest]
    #[case::just_started(None, false, Err(SILENT))]
    #[case::only_a_token(None, true, Err(SILENT))]
    #[case::asking(Some(state(None, false)), false, Err(NOT_YET))]
    #[case::refused(Some(state(None, true)), false, Err(SENTENCE))]
    #[case::good(Some(state(Some(101), false)), true, Ok(()))]
    #[case::good_though_renewing_fails(Some(state(Some(101), true)), true, Ok(()))]
    #[case::old(Some(state(Some(100), false)), true, Err(NOT_YET))]
    #[case::old_since_renewing_fails(Some(state(Some(100), true)), true, Err(SENTENCE))]
    #[case::somebody_removed_the_token(Some(state(Some(101), false)), false, Err(NOT_YET))]
    fn who_is_ready(
        #[case] state: Option<State>,
        #[case] token_is_there: bool,
        #[case] wanted: Result<(), &str>,
    ) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(ready(state.as_ref(), token_is_there, now), wanted.map_err(str::to_owned));
    }

    #[test]
    fn the_file_is_small_json() {
        let json = serde_json::to_string(&state(Some(7), true)).unwrap();
        assert_eq!(json, r#"{"good_until":7,"fault":{"code":"access-denied","sentence":"AWS STS: no."}}"#);
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state(Some(7), true));
    }
}
