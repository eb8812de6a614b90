//! Leader election rules.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use tokio::time::Instant;

use super::at;
use crate::managed_cert::leader::{LeaseAction, LeaseHolder, identity};

const DURATION: Duration = Duration::from_secs(15);

/// A clock and the current Lease.
struct Election {
    started: Instant,
    spec: LeaseSpec,
}

impl Election {
    /// Returns whether a replica holds the Lease after an attempt at this second.
    fn attempt(&mut self, holder: &mut LeaseHolder, second: u16) -> bool {
        let now = self.started + Duration::from_secs(second.into());
        match holder.decide(&self.spec, at(second.into()), now) {
            LeaseAction::Acquire(spec) => {
                self.spec = spec;
                true
            }
            LeaseAction::Wait => false,
        }
    }
}

fn two_holders() -> (Election, LeaseHolder, LeaseHolder) {
    let holder = |name: &str| LeaseHolder::new(name.to_owned(), DURATION);
    (Election { started: Instant::now(), spec: LeaseSpec::default() }, holder("a"), holder("b"))
}

#[test]
fn empty_lease_is_acquired_at_once_and_renewed() {
    let (mut election, mut a, mut b) = two_holders();
    assert!(election.attempt(&mut a, 0));
    for second in [3, 6, 9, 12, 15, 18, 21, 24] {
        assert!(!election.attempt(&mut b, second), "{second}");
        assert!(election.attempt(&mut a, second), "{second}");
    }
    let spec = election.spec;
    assert_eq!(spec.holder_identity.as_deref(), Some("a"));
    assert_eq!((spec.lease_transitions, spec.lease_duration_seconds), (Some(1), Some(15)));
    assert_eq!(spec.acquire_time.unwrap().0, at(0));
    assert_eq!(spec.renew_time.unwrap().0, at(24));
}

#[test]
fn lease_of_a_silent_holder_expires_by_the_observers_clock() {
    let (mut election, mut a, mut b) = two_holders();
    assert!(election.attempt(&mut a, 0));
    // The observer sees the Lease for the first time; the times in it come from another clock.
    assert!(!election.attempt(&mut b, 100));
    assert!(!election.attempt(&mut b, 114));
    assert!(election.attempt(&mut b, 115));
    assert_eq!(election.spec.lease_transitions, Some(2));
    assert!(!election.attempt(&mut a, 116), "the previous holder sees that it lost the Lease");
}

#[test]
fn released_lease_is_acquired_at_once() {
    let (mut election, mut a, mut b) = two_holders();
    assert!(election.attempt(&mut a, 0));
    assert!(!election.attempt(&mut b, 1));
    election.spec.holder_identity = None;
    assert!(election.attempt(&mut b, 2));
}

#[test]
fn lease_duration_is_at_least_one_second() {
    let (mut election, ..) = two_holders();
    let mut holder = LeaseHolder::new("c".to_owned(), Duration::from_millis(1));
    assert!(election.attempt(&mut holder, 0));
    assert_eq!(election.spec.lease_duration_seconds, Some(1));
}

#[test]
fn identities_are_unique() {
    assert_ne!(identity(), identity());
}
