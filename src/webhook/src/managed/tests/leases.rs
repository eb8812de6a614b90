//! Who leads.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use tokio::time::Instant;

use super::at;
use crate::managed::lease::{Candidate, Decision, identity};

const DURATION: Duration = Duration::from_secs(15);

/// A clock, and what the Lease says by now.
struct Run {
    begun: Instant,
    spec: LeaseSpec,
}

impl Run {
    /// Whether a candidate holds the Lease after a look at this second.
    fn look(&mut self, candidate: &mut Candidate, second: u16) -> bool {
        let now = self.begun + Duration::from_secs(second.into());
        match candidate.decide(&self.spec, at(second.into()), now) {
            Decision::Claim(spec) => {
                self.spec = spec;
                true
            }
            Decision::Leave => false,
        }
    }
}

fn run() -> (Run, Candidate, Candidate) {
    let candidate = |name: &str| Candidate::new(name.to_owned(), DURATION);
    (Run { begun: Instant::now(), spec: LeaseSpec::default() }, candidate("a"), candidate("b"))
}

#[test]
fn an_empty_lease_is_taken_at_once_and_held_on_to() {
    let (mut run, mut a, mut b) = run();
    assert!(run.look(&mut a, 0));
    for second in [3, 6, 9, 12, 15, 18, 21, 24] {
        assert!(!run.look(&mut b, second), "{second}");
        assert!(run.look(&mut a, second), "{second}");
    }
    assert_eq!(run.spec.holder_identity.as_deref(), Some("a"));
    assert_eq!((run.spec.lease_transitions, run.spec.lease_duration_seconds), (Some(1), Some(15)));
    assert_eq!(run.spec.acquire_time.unwrap().0, at(0));
    assert_eq!(run.spec.renew_time.unwrap().0, at(24));
}

#[test]
fn a_silent_holder_is_waited_for_by_ones_own_clock() {
    let (mut run, mut a, mut b) = run();
    assert!(run.look(&mut a, 0));
    // It is seen now for the first time: what its times say is another clock's.
    assert!(!run.look(&mut b, 100));
    assert!(!run.look(&mut b, 114));
    assert!(run.look(&mut b, 115));
    assert_eq!(run.spec.lease_transitions, Some(2));
    assert!(!run.look(&mut a, 116), "the old one sees that it is not its any more");
}

#[test]
fn a_lease_that_was_let_go_is_taken_at_once() {
    let (mut run, mut a, mut b) = run();
    assert!(run.look(&mut a, 0));
    assert!(!run.look(&mut b, 1));
    run.spec.holder_identity = None;
    assert!(run.look(&mut b, 2));
}

#[test]
fn a_lease_of_a_second_is_the_shortest() {
    let (mut run, ..) = run();
    let mut hasty = Candidate::new("c".to_owned(), Duration::from_millis(1));
    assert!(run.look(&mut hasty, 0));
    assert_eq!(run.spec.lease_duration_seconds, Some(1));
}

#[test]
fn no_two_have_one_name() {
    assert_ne!(identity(), identity());
}
