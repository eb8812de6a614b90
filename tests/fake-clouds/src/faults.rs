//! Fault injection: counts calls and returns the fault that a test set for the current one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::operation::Operation;

/// Calls of an operation, numbered from 1 since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// A single call.
    Nth(u64),
    /// The calls from the first number to the second, both included.
    Range(u64, u64),
    /// A call and all calls after it.
    From(u64),
    /// Every call.
    All,
}

impl Calls {
    const fn contains(self, call: u64) -> bool {
        match self {
            Self::Nth(nth) => call == nth,
            Self::Range(first, last) => first <= call && call <= last,
            Self::From(first) => first <= call,
            Self::All => true,
        }
    }
}

/// An injected fault.
#[derive(Debug, Clone)]
pub enum Fault {
    /// An expired credential, in the service's words.
    Expired,
    /// A denied caller, in the service's words.
    Denied,
    /// Too many calls, in the service's words.
    Throttled,
    /// An internal error, HTTP 500.
    InternalError,
    /// A response after this delay (tokio's time).
    Delay(Duration),
    /// A response only after the hold is released.
    Held(Hold),
    /// A connection that closes in the middle of the response.
    ConnectionReset,
    /// A cloud clock that is off by this many seconds in this call: its decisions and its header `Date`.
    ClockSkew(i64),
}

/// A fault that is an error response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    Expired,
    Denied,
    Throttled,
    Internal,
}

/// A hold on calls until it is released. Clones share the hold.
#[derive(Debug, Clone)]
pub struct Hold(watch::Sender<bool>);

impl Default for Hold {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Hold {
    /// Returns an unreleased hold.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Releases every held call, and every later one.
    pub fn release(&self) {
        self.0.send_replace(true);
    }

    /// Blocks until the hold is released.
    pub(crate) async fn released(&self) {
        let mut receiver = self.0.subscribe();
        // Cannot fail: `self` keeps the sender alive.
        let _ = receiver.wait_for(|released| *released).await;
    }
}

/// The call counts and the injected faults.
#[derive(Debug, Default)]
pub(crate) struct FaultInjector(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Operation, u64>,
    faults: Vec<(Operation, Calls, Fault)>,
}

impl FaultInjector {
    fn state(&self) -> MutexGuard<'_, State> {
        // No critical section leaves the state half updated, so a poisoned lock is still valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self, operation: Operation) -> u64 {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    pub(crate) fn inject(&self, operation: Operation, calls: Calls, fault: Fault) {
        self.state().faults.push((operation, calls, fault));
    }

    pub(crate) fn clear(&self) {
        self.state().faults.clear();
    }

    /// Counts a call and returns its number and its fault. If several faults match, the last one injected wins.
    pub(crate) fn begin_call(&self, operation: Operation) -> (u64, Option<Fault>) {
        let mut state = self.state();
        let count = state.calls.entry(operation).or_insert(0);
        *count += 1;
        let call = *count;
        let mut faults = state.faults.iter().rev();
        let fault = faults.find(|(faulty, calls, _)| *faulty == operation && calls.contains(call));
        (call, fault.map(|(_, _, fault)| fault.clone()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nth(Calls::Nth(2), &[2])]
    #[case::range(Calls::Range(2, 3), &[2, 3])]
    #[case::from(Calls::From(3), &[3, 4])]
    #[case::all(Calls::All, &[1, 2, 3, 4])]
    fn begin_call_returns_fault_for_selected_calls(#[case] calls: Calls, #[case] expected: &[u64]) {
        let faults = FaultInjector::default();
        faults.inject(Operation::ExchangeToken, calls, Fault::Denied);
        let begun: Vec<_> = (0..4).map(|_| faults.begin_call(Operation::ExchangeToken)).collect();
        let faulty: Vec<_> =
            begun.iter().filter(|(_, fault)| fault.is_some()).map(|(call, _)| *call).collect();
        assert_eq!(faulty, expected);
        assert_eq!(faults.calls(Operation::ExchangeToken), 4);
        assert_eq!(faults.calls(Operation::GetCallerIdentity), 0);
    }

    #[test]
    fn begin_call_returns_last_injected_fault_until_cleared() {
        let faults = FaultInjector::default();
        faults.inject(Operation::Query, Calls::All, Fault::Denied);
        faults.inject(Operation::Query, Calls::Nth(2), Fault::ConnectionReset);
        assert!(matches!(faults.begin_call(Operation::Query), (1, Some(Fault::Denied))));
        assert!(matches!(faults.begin_call(Operation::Query), (2, Some(Fault::ConnectionReset))));
        faults.clear();
        assert!(matches!(faults.begin_call(Operation::Query), (3, None)));
    }
}
