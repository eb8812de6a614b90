//! Leader election rules: the leader is the holder of a Lease, as in client-go.
//!
//! Each replica judges by its own clock whether the holder is gone: if the Lease has not changed for the duration that
//! its holder declared. Correctness does not depend on a single leader, because each write fails if another replica has
//! written first. Election only avoids redundant work.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

/// One replica's view of the Lease.
#[derive(Debug)]
pub struct LeaseHolder {
    identity: String,
    duration: Duration,
    /// Latest spec, and when it was first observed.
    observed: Option<(LeaseSpec, Instant)>,
    was_missing: bool,
}

/// Next action on the Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseAction {
    /// Write this spec to acquire or renew the Lease.
    Acquire(LeaseSpec),
    /// Another replica holds the Lease.
    Wait,
}

impl LeaseHolder {
    /// Creates the view of a replica with a unique identity that holds the Lease for `duration`.
    #[must_use]
    pub const fn new(identity: String, duration: Duration) -> Self {
        Self { identity, duration, observed: None, was_missing: false }
    }

    /// Returns the identity.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Returns the duration for which the Lease is held.
    pub(super) const fn duration(&self) -> Duration {
        self.duration
    }

    /// Records whether the Lease is missing. Returns whether it is missing for the first time in a row.
    pub(super) const fn is_first_miss(&mut self, missing: bool) -> bool {
        let before = std::mem::replace(&mut self.was_missing, missing);
        missing && !before
    }

    /// Decides whether to acquire the Lease.
    pub fn decide(&mut self, spec: &LeaseSpec, time: Timestamp, now: Instant) -> LeaseAction {
        let since = match &self.observed {
            Some((observed, since)) if observed == spec => *since,
            _ => self.observed.insert((spec.clone(), now)).1,
        };
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let declared = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
        let held_by_other = !holder.is_empty() && holder != self.identity;
        if held_by_other && now.duration_since(since) < Duration::from_secs(declared) {
            return LeaseAction::Wait;
        }
        let is_renewal = holder == self.identity;
        let time = Some(MicroTime(time));
        LeaseAction::Acquire(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(whole_seconds(self.duration)),
            acquire_time: if is_renewal { spec.acquire_time.clone() } else { time.clone() },
            renew_time: time,
            lease_transitions: Some(spec.lease_transitions.unwrap_or_default() + i32::from(!is_renewal)),
            ..spec.clone()
        })
    }
}

/// Rounds up to whole seconds, as a Lease requires, at least one.
fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).max(1)
}

/// Returns an identity that no other replica has, and that changes with each restart.
#[must_use]
pub fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rolebridge-webhook".to_owned());
    format!("{host}_{:016x}", RandomState::new().hash_one(std::process::id()))
}
