//! Plans, one at a time.

use std::slice;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rstest::rstest;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use super::{at, config, policy};
use crate::managed_cert::issue;
use crate::managed_cert::plan::{Change, plan};
use crate::managed_cert::propagation::{ClockReading, Propagation};
use crate::managed_cert::select::should_replace;
use crate::managed_cert::state::{CertState, RetiredCa};

/// Simulated clocks, in seconds after the start of the test.
struct Clock(Instant);

impl Clock {
    fn at(&self, seconds: u32) -> ClockReading {
        ClockReading { time: at(seconds.into()), instant: self.0 + Duration::from_secs(seconds.into()) }
    }
}

/// Returns one configuration that has trusted these CAs since the start.
fn published(clock: &Clock, cas: &[CertificateDer<'static>]) -> Propagation {
    let mut propagation = Propagation::default();
    propagation.observe(&[config("a", cas)], clock.at(0).instant);
    propagation
}

fn ca(state: &CertState) -> CertificateDer<'static> {
    state.ca.as_ref().unwrap().certificate.clone()
}

fn bootstrapped(clock: &Clock, propagation: &Propagation) -> CertState {
    Change::Bootstrap.apply(CertState::default(), clock.at(0), propagation, &policy()).unwrap()
}

fn other_ca() -> CertificateDer<'static> {
    issue::ca(&policy().server_name(), at(0), policy().ca_lifetime).unwrap().certificate
}

#[test]
fn bootstrap_without_trusted_cas_issues_ca_and_certificate() {
    let clock = Clock(Instant::now());
    for propagation in [Propagation::default(), published(&clock, &[])] {
        let first = plan(&CertState::default(), clock.at(0), &propagation, &policy());
        assert_eq!((first.change, first.publications), (Some(Change::Bootstrap), vec![]));
        let state = bootstrapped(&clock, &propagation);
        assert!(state.leaf.as_ref().unwrap().issued_by_current_ca);
        let next = plan(&state, clock.at(0), &propagation, &policy());
        assert_eq!(next.change, None);
        // The CA is published if there is a configuration yet.
        assert_eq!(next.publications.len(), propagation.configs().len());
    }
}

#[test]
fn ca_is_published_in_the_outdated_entries_only() {
    let clock = Clock(Instant::now());
    let state = bootstrapped(&clock, &Propagation::default());
    let current = ca(&state);
    let mut configs = [config("a", slice::from_ref(&current)), config("b", slice::from_ref(&current))];
    configs[1].entries[1].bundle = CaBundle { certificates: vec![current.clone()], broken: true };
    let mut propagation = Propagation::default();
    propagation.observe(&configs, clock.at(0).instant);
    let publications = plan(&state, clock.at(0), &propagation, &policy()).publications;
    assert_eq!(publications.len(), 1);
    assert_eq!((publications[0].config.as_str(), publications[0].version.as_str()), ("b", "1"));
    assert_eq!(publications[0].entries, [(2, "namespaces".to_owned())]);
    assert_eq!(publications[0].cas, [current]);
}

#[test]
fn new_ca_issues_a_certificate_after_the_publish_delay() {
    let clock = Clock(Instant::now());
    let old = other_ca();
    let mut propagation = published(&clock, slice::from_ref(&old));
    let state = bootstrapped(&clock, &propagation);
    assert!(state.leaf.is_none(), "replicas may serve a certificate of the other CA");
    assert_eq!(state.retired.as_ref().unwrap()[0].certificate, old);
    let change =
        |propagation: &Propagation, second| plan(&state, clock.at(second), propagation, &policy()).change;
    assert_eq!(change(&propagation, 1000), None, "it is not published yet");
    let both = state.bundle().unwrap();
    propagation.observe(&[config("a", &both)], clock.at(1000).instant);
    assert_eq!(change(&propagation, 1029), None);
    // Another controller removes it for a moment.
    propagation.observe(&[config("a", &[old])], clock.at(1029).instant);
    propagation.observe(&[config("a", &both)], clock.at(1030).instant);
    assert_eq!(change(&propagation, 1059), None);
    assert_eq!(change(&propagation, 1060), Some(Change::IssueLeaf));
    // A CA in one of two configurations does not count as published.
    propagation.observe(&[config("a", &both), config("b", &[])], clock.at(1061).instant);
    assert_eq!(change(&propagation, 2000), None);
}

/// `second` is the time of the plan, and `modify` corrupts the state before it.
#[rstest]
#[case::fresh(60, |_: &mut CertState| {}, None)]
#[case::certificate(20 * 24 * 3600, |_: &mut CertState| {}, Some(Change::IssueLeaf))]
#[case::no_certificate(60, |state: &mut CertState| state.leaf = None, Some(Change::IssueLeaf))]
#[case::ca(244 * 24 * 3600, |_: &mut CertState| {}, Some(Change::RotateCa))]
#[case::no_ca(60, |state: &mut CertState| state.ca = None, Some(Change::Bootstrap))]
#[case::retired_list_lost(60, |state: &mut CertState| state.retired = None, Some(Change::AdoptTrusted))]
#[case::retired_expired(60, |state: &mut CertState| state.retired = Some(vec![retired(at(59))]), Some(Change::PruneRetired))]
#[case::retired_needed(60, |state: &mut CertState| state.retired = Some(vec![retired(at(60))]), None)]
fn plan_contains_the_due_change(
    #[case] second: u32,
    #[case] modify: fn(&mut CertState),
    #[case] expected: Option<Change>,
) {
    let clock = Clock(Instant::now());
    let mut state = bootstrapped(&clock, &Propagation::default());
    let propagation = published(&clock, &[ca(&state)]);
    modify(&mut state);
    assert_eq!(plan(&state, clock.at(second), &propagation, &policy()).change, expected);
}

fn retired(needed_until: Timestamp) -> RetiredCa {
    RetiredCa { certificate: CertificateDer::from(vec![0]), needed_until }
}

#[test]
fn retired_ca_stays_until_its_last_certificate_expires() {
    let clock = Clock(Instant::now());
    let state = bootstrapped(&clock, &Propagation::default());
    let (first, expiry) = (ca(&state), state.leaf.as_ref().unwrap().cert_and_key.not_after);
    let propagation = published(&clock, slice::from_ref(&first));
    let state = Change::RotateCa.apply(state, clock.at(60), &propagation, &policy()).unwrap();
    assert_ne!(ca(&state), first);
    assert_eq!(state.retired, Some(vec![RetiredCa { certificate: first.clone(), needed_until: expiry }]));
    assert_eq!(state.bundle().unwrap(), [ca(&state), first.clone()]);
    assert!(!state.leaf.as_ref().unwrap().issued_by_current_ca, "it stays until the new CA issues one");
    let after = u32::try_from(expiry.as_second() - at(0).as_second()).unwrap() + 1;
    assert_eq!(plan(&state, clock.at(after - 1), &propagation, &policy()).change, None);
    assert_eq!(plan(&state, clock.at(after), &propagation, &policy()).change, Some(Change::PruneRetired));
    let state = Change::PruneRetired.apply(state, clock.at(after), &propagation, &policy()).unwrap();
    assert_eq!(state.bundle().unwrap(), [ca(&state)]);
}

#[rstest]
#[case::list_lost(false)]
#[case::list_known(true)]
fn adopt_trusted_keeps_all_cas_for_a_certificates_lifetime(#[case] is_known: bool) {
    let clock = Clock(Instant::now());
    let (own, other) = (bootstrapped(&clock, &Propagation::default()), other_ca());
    let propagation = published(&clock, &[ca(&own), other.clone(), other.clone()]);
    let needed_until = at(60 + 30 * 24 * 3600);
    let retired = is_known.then(|| vec![RetiredCa { certificate: other.clone(), needed_until: at(100) }]);
    let state = CertState { retired, ..own.clone() };
    let state = Change::AdoptTrusted.apply(state, clock.at(60), &propagation, &policy()).unwrap();
    assert_eq!(state.retired, Some(vec![RetiredCa { certificate: other, needed_until }]));
    assert_eq!(ca(&state), ca(&own));
}

/// `next_published` is the second at which the CA of the Secret's certificate was published.
#[rstest]
#[case::nothing_served(None, 0, None, true)]
#[case::not_published(Some(true), 1000, None, false)]
#[case::published_just_now(Some(true), 1000, Some(999), false)]
#[case::published_for_long(Some(true), 1000, Some(970), true)]
#[case::current_is_not_trusted_either(Some(false), 1000, None, true)]
fn should_replace_prefers_trusted_certificates(
    #[case] current_is_trusted: Option<bool>,
    #[case] second: u32,
    #[case] next_published: Option<u32>,
    #[case] expected: bool,
) {
    let clock = Clock(Instant::now());
    let current = bootstrapped(&clock, &Propagation::default());
    let next = bootstrapped(&clock, &Propagation::default());
    let serving_cert =
        |state: &CertState| state.leaf.as_ref().unwrap().cert_and_key.to_serving_cert().unwrap();
    let mut trusted = Vec::new();
    trusted.extend((current_is_trusted == Some(true)).then(|| ca(&current)));
    let mut propagation = published(&clock, &trusted);
    if let Some(since) = next_published {
        trusted.push(ca(&next));
        propagation.observe(&[config("a", &trusted)], clock.at(since).instant);
    }
    let served = current_is_trusted.map(|_| serving_cert(&current));
    let replaces = |served: Option<&_>| {
        should_replace(&serving_cert(&next), served, &propagation, clock.at(second), &policy())
    };
    assert_eq!(replaces(served.as_ref()), expected);
    assert!(!replaces(Some(&serving_cert(&next))));
}
