//! The calls of the sidecar, and the schedule that they must keep to.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use super::scenario::Scenario;
use crate::backoff::backoff;
use crate::clock::TOLERANCE;
use crate::error::Error;
use crate::schedule::{EARLIEST_FIRST_RENEWAL, EARLIEST_RENEWAL};

/// A call and its result.
#[derive(Debug, Clone, Copy)]
struct Call {
    at: Duration,
    /// True for a permanent error; `None` for a success.
    error: Option<bool>,
    /// The interval before the next call after a success.
    min_interval: Duration,
}

/// The calls for each token.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<String, Vec<Call>>>);

impl Calls {
    pub(super) fn record(&self, name: &str, at: Duration, error: Option<&Error>, min_interval: Duration) {
        let call = Call { at, error: error.map(Error::is_permanent), min_interval };
        self.0.lock().unwrap().entry(name.to_owned()).or_default().push(call);
    }

    /// Checks that each call waited as long as the schedule says after the one before.
    pub(super) fn check(&self, scenario: &Scenario) {
        let calls = self.0.lock().unwrap();
        assert!(calls.values().any(|calls| calls.iter().any(|call| call.error.is_some())), "faults were met");
        // An entry of the cache that was evicted begins again.
        for (name, calls) in calls.iter().filter(|(name, _)| !name.contains("other.example")) {
            let (mut failures, mut successes) = (0, 0_u32);
            for pair in calls.windows(2) {
                let [call, next] = [pair[0], pair[1]];
                (failures, successes) =
                    if call.error.is_some() { (failures + 1, successes) } else { (0, successes + 1) };
                let earliest = if successes == 1 { EARLIEST_FIRST_RENEWAL } else { EARLIEST_RENEWAL };
                let wait = match call.error {
                    Some(permanent) => backoff(failures, permanent, 0.0),
                    // The lifetime by a clock that is a little ahead, which is not corrected.
                    None if name == "AWS" => {
                        Duration::from_hours(1).saturating_sub(TOLERANCE).mul_f64(earliest)
                    }
                    None => call.min_interval,
                };
                let waited = next.at.saturating_sub(call.at);
                // A clock that was set makes a call necessary.
                let clock_was_set = name == "AWS" && !scenario.no_step_within(waited, next.at);
                assert!(
                    waited + Duration::from_secs(1) >= wait || clock_was_set,
                    "{name} at {:?} after {waited:?} instead of {wait:?}: {failures} failures",
                    next.at
                );
            }
        }
    }
}
