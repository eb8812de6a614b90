//! Counts of calls, and the faults that a test asks for at the nth of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

/// A call that the fakes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Operation {
    /// AWS STS.
    AssumeRoleWithWebIdentity,
    /// AWS STS, by whoever: Google's own replays count too.
    GetCallerIdentity,
    /// AWS STS: outbound identity federation.
    GetWebIdentityToken,
    /// EKS Pod Identity's agent.
    PodCredentials,
    /// Anything else at AWS STS.
    OtherAwsAction,
    /// Google STS, `POST /v1/token`.
    ExchangeToken,
    /// Google STS, `POST /v1/introspect`.
    IntrospectToken,
    /// IAM Credentials.
    GenerateAccessToken,
    /// IAM Credentials.
    GenerateIdToken,
    /// Cloud Storage, an object or its metadata.
    GetObject,
    /// Cloud Storage.
    ListObjects,
    /// Cloud Storage, an object by its gRPC API.
    ReadObject,
    /// BigQuery, `jobs.query`.
    Query,
    /// BigQuery, `jobs.insert`.
    InsertJob,
    /// BigQuery, `jobs.get`.
    GetJob,
    /// BigQuery, `jobs.getQueryResults`.
    GetQueryResults,
    /// A request that no service knows.
    Unknown,
}

/// Which calls of an operation, counted from 1 since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nth {
    /// This one.
    Call(u64),
    /// From one to another, both included.
    Between(u64, u64),
    /// This one and all after it.
    From(u64),
    /// Every one.
    Every,
}

impl Nth {
    const fn contains(self, call: u64) -> bool {
        match self {
            Self::Call(nth) => call == nth,
            Self::Between(first, last) => first <= call && call <= last,
            Self::From(first) => first <= call,
            Self::Every => true,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The credential is too old, in the service's words.
    Expired,
    /// The caller may not, in the service's words.
    Denied,
    /// Too many calls, in the service's words.
    Throttled,
    /// An internal error, HTTP 500.
    Internal,
    /// The answer comes only after this long (tokio's time).
    Slow(Duration),
    /// The answer comes only when the hold is released.
    Held(Hold),
    /// The connection closes in the middle of the answer.
    Torn,
    /// The cloud's clock is off by so many seconds in this call: its decisions and its header `Date`.
    WrongClock(i64),
}

/// Holds calls until it is released. Clones share it.
#[derive(Debug, Clone)]
pub struct Hold(watch::Sender<bool>);

impl Default for Hold {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Hold {
    /// One that holds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every held call, and every later one, go.
    pub fn release(&self) {
        self.0.send_replace(true);
    }

    /// Returns when released.
    pub(crate) async fn released(&self) {
        let mut receiver = self.0.subscribe();
        // An error would mean that the sender is gone, and `self` is one.
        let _ = receiver.wait_for(|released| *released).await;
    }
}

/// The counts and what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    calls: HashMap<Operation, u64>,
    wanted: Vec<(Operation, Nth, Fault)>,
}

impl Faults {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing is left half done by a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self, operation: Operation) -> u64 {
        self.inner().calls.get(&operation).copied().unwrap_or(0)
    }

    pub(crate) fn want(&self, operation: Operation, nth: Nth, fault: Fault) {
        self.inner().wanted.push((operation, nth, fault));
    }

    pub(crate) fn clear(&self) {
        self.inner().wanted.clear();
    }

    /// Counts a call; its number, and its fault. Of several that fit, the one that was asked for last.
    pub(crate) fn count(&self, operation: Operation) -> (u64, Option<Fault>) {
        let mut inner = self.inner();
        let count = inner.calls.entry(operation).or_insert(0);
        *count += 1;
        let call = *count;
        let fits = |(of, nth, _): &&(Operation, Nth, Fault)| *of == operation && nth.contains(call);
        let fault = inner.wanted.iter().rev().find(fits).map(|(_, _, fault)| fault.clone());
        (call, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_calls_a_fault_is_for() {
        for (nth, hit) in [
            (Nth::Call(2), vec![2]),
            (Nth::Between(2, 3), vec![2, 3]),
            (Nth::From(3), vec![3, 4]),
            (Nth::Every, vec![1, 2, 3, 4]),
        ] {
            let faults = Faults::default();
            faults.want(Operation::ExchangeToken, nth, Fault::Denied);
            let calls = (1..=4).filter(|_| faults.count(Operation::ExchangeToken).1.is_some());
            // The number of the call is the count at that time.
            let calls: Vec<_> = calls.map(|call: u64| call).collect();
            assert_eq!(calls, hit, "{nth:?}");
            assert_eq!(faults.calls(Operation::ExchangeToken), 4);
            assert_eq!(faults.calls(Operation::GetCallerIdentity), 0);
        }
    }

    #[test]
    fn the_later_wish_wins_and_can_be_taken_back() {
        let faults = Faults::default();
        faults.want(Operation::Query, Nth::Every, Fault::Denied);
        faults.want(Operation::Query, Nth::Call(2), Fault::Torn);
        assert!(matches!(faults.count(Operation::Query), (1, Some(Fault::Denied))));
        assert!(matches!(faults.count(Operation::Query), (2, Some(Fault::Torn))));
        faults.clear();
        assert!(matches!(faults.count(Operation::Query), (3, None)));
    }
}
