//! Who leads: the holder of a Lease, as client-go's leader election does it.
//!
//! Whether a holder is gone is judged by one's own clock: if the Lease has not changed for as long as its holder said.
//! What the leader does is safe without this, since each write is refused if anybody else has written; one leader saves
//! the others the work.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::counts::{Counts, Step};
use super::leases::{Attempt, Leases};

/// One candidate's view of the Lease.
#[derive(Debug)]
pub struct Candidate {
    identity: String,
    duration: Duration,
    seen: Option<(LeaseSpec, Instant)>,
    missed: bool,
}

/// What to do about the Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Write this: hold it, or hold it on.
    Claim(LeaseSpec),
    /// Somebody else holds it.
    Leave,
}

impl Candidate {
    /// A candidate of this name, unlike any other's, who holds on for `duration`.
    #[must_use]
    pub const fn new(identity: String, duration: Duration) -> Self {
        Self { identity, duration, seen: None, missed: false }
    }

    /// Its name.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether the Lease is missing, and was not the last time.
    pub(super) const fn misses_at_first(&mut self, missing: bool) -> bool {
        let before = std::mem::replace(&mut self.missed, missing);
        missing && !before
    }

    /// Decides by what the Lease says.
    pub fn decide(&mut self, spec: &LeaseSpec, time: Timestamp, now: Instant) -> Decision {
        let since = match &self.seen {
            Some((seen, since)) if seen == spec => *since,
            _ => self.seen.insert((spec.clone(), now)).1,
        };
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let promised = u64::try_from(spec.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
        let others = !holder.is_empty() && holder != self.identity;
        if others && now.duration_since(since) < Duration::from_secs(promised) {
            return Decision::Leave;
        }
        let mine = holder == self.identity;
        let time = Some(MicroTime(time));
        Decision::Claim(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds(self.duration)),
            acquire_time: if mine { spec.acquire_time.clone() } else { time.clone() },
            renew_time: time,
            lease_transitions: Some(spec.lease_transitions.unwrap_or_default() + i32::from(!mine)),
            ..spec.clone()
        })
    }
}

/// Holds the Lease whenever it can be had, and tells whether it does, until the future is dropped.
pub(super) async fn follow(
    leases: &Leases,
    mut candidate: Candidate,
    leading: &watch::Sender<bool>,
    counts: &Counts,
) {
    let duration = candidate.duration;
    let mut held = None;
    loop {
        let begun = Instant::now();
        match leases.attempt(&mut candidate).await {
            Ok(Attempt::Held) => held = Some(begun),
            Ok(Attempt::Others) => held = None,
            Ok(Attempt::Raced | Attempt::Missed) => {}
            Err(error) => {
                counts.failure(Step::Lease);
                warn!(error, "cannot hold the Lease; trying again");
            }
        }
        // Others may think that it is free a little later than this, never earlier.
        let holds = held.is_some_and(|held: Instant| held.elapsed() < duration * 2 / 3);
        if leading.send_if_modified(|leads| std::mem::replace(leads, holds) != holds) {
            info!(leads = holds, identity = candidate.identity, "leadership of the certificates");
        }
        sleep(duration / 5).await;
    }
}

/// Whole seconds, as a Lease counts them, and at least one.
fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).max(1)
}

/// A name that no other replica has, nor the same one after a restart.
#[must_use]
pub fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rolebridge-webhook".to_owned());
    format!("{host}_{:016x}", RandomState::new().hash_one(std::process::id()))
}
