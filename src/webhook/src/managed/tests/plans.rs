//! One plan at a time.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rstest::rstest;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use super::{at, configuration, policy};
use crate::managed::plan::{Change, plan};
use crate::managed::published::{Moment, Published};
use crate::managed::serve::is_better;
use crate::managed::state::{Old, State};

/// The clocks of a test, in seconds after its beginning.
struct Clock(Instant);

impl Clock {
    fn at(&self, seconds: u32) -> Moment {
        Moment { time: at(seconds.into()), instant: self.0 + Duration::from_secs(seconds.into()) }
    }
}

/// One configuration that has trusted these since the beginning.
fn published(clock: &Clock, authorities: &[CertificateDer<'static>]) -> Published {
    let mut published = Published::default();
    published.observe(&[configuration("a", authorities)], clock.at(0).instant);
    published
}

fn authority(state: &State) -> CertificateDer<'static> {
    state.authority.as_ref().unwrap().certificate.clone()
}

fn begun(clock: &Clock, published: &Published) -> State {
    Change::Begin.apply(State::default(), clock.at(0), published, &policy()).unwrap()
}

#[test]
fn where_nothing_is_trusted_a_certificate_comes_with_its_ca() {
    let clock = Clock(Instant::now());
    for published in [Published::default(), published(&clock, &[])] {
        let first = plan(&State::default(), clock.at(0), &published, &policy());
        assert_eq!((first.change, first.publications), (Some(Change::Begin), vec![]));
        let state = begun(&clock, &published);
        assert!(state.leaf.as_ref().unwrap().of_authority);
        let next = plan(&state, clock.at(0), &published, &policy());
        assert_eq!(next.change, None);
        // Only where there is a configuration yet.
        assert_eq!(next.publications.len(), published.configurations().len());
    }
}

#[test]
fn a_ca_is_published_in_the_entries_that_lack_it() {
    let clock = Clock(Instant::now());
    let state = begun(&clock, &Published::default());
    let own = authority(&state);
    let mut configurations =
        [configuration("a", std::slice::from_ref(&own)), configuration("b", std::slice::from_ref(&own))];
    configurations[1].entries[1].bundle = CaBundle { certificates: vec![own.clone()], broken: true };
    let mut published = Published::default();
    published.observe(&configurations, clock.at(0).instant);
    let publications = plan(&state, clock.at(0), &published, &policy()).publications;
    assert_eq!(publications.len(), 1);
    assert_eq!((publications[0].configuration.as_str(), publications[0].version.as_str()), ("b", "1"));
    assert_eq!(publications[0].entries, [(2, "namespaces".to_owned())]);
    assert_eq!(publications[0].authorities, [own]);
}

#[test]
fn a_new_ca_signs_when_it_has_been_published_for_long_enough() {
    let clock = Clock(Instant::now());
    let old = issue_other();
    let mut published = published(&clock, std::slice::from_ref(&old));
    let state = begun(&clock, &published);
    assert!(state.leaf.is_none(), "replicas may serve a certificate of the other CA");
    assert_eq!(state.old.as_ref().unwrap()[0].certificate, old);
    let change = |published: &Published, second| plan(&state, clock.at(second), published, &policy()).change;
    assert_eq!(change(&published, 1000), None, "it is not published yet");
    let both = state.bundle().unwrap();
    published.observe(&[configuration("a", &both)], clock.at(1000).instant);
    assert_eq!(change(&published, 1029), None);
    // Somebody takes it away for a moment.
    published.observe(&[configuration("a", &[old])], clock.at(1029).instant);
    published.observe(&[configuration("a", &both)], clock.at(1030).instant);
    assert_eq!(change(&published, 1059), None);
    assert_eq!(change(&published, 1060), Some(Change::Sign));
    // In one of two configurations it is not published.
    published.observe(&[configuration("a", &both), configuration("b", &[])], clock.at(1061).instant);
    assert_eq!(change(&published, 2000), None);
}

fn issue_other() -> CertificateDer<'static> {
    let name = policy().server_name();
    crate::managed::issue::authority(&name, at(0), policy().authority_lifetime).unwrap().certificate
}

/// What is done when something has come to its time, in seconds, or is gone.
#[rstest]
#[case::fresh(60, |_: &mut State| {}, None)]
#[case::certificate(20 * 24 * 3600, |_: &mut State| {}, Some(Change::Sign))]
#[case::no_certificate(60, |state: &mut State| state.leaf = None, Some(Change::Sign))]
#[case::ca(244 * 24 * 3600, |_: &mut State| {}, Some(Change::Rotate))]
#[case::no_ca(60, |state: &mut State| state.authority = None, Some(Change::Begin))]
#[case::nobody_knows_which_are_old(60, |state: &mut State| state.old = None, Some(Change::Adopt))]
#[case::old_is_over(60, |state: &mut State| state.old = Some(vec![old(at(59))]), Some(Change::Forget))]
#[case::old_is_needed(60, |state: &mut State| state.old = Some(vec![old(at(60))]), None)]
fn what_is_due_is_done(
    #[case] second: u32,
    #[case] change: fn(&mut State),
    #[case] expected: Option<Change>,
) {
    let clock = Clock(Instant::now());
    let mut state = begun(&clock, &Published::default());
    let published = published(&clock, &[authority(&state)]);
    change(&mut state);
    assert_eq!(plan(&state, clock.at(second), &published, &policy()).change, expected);
}

fn old(until: Timestamp) -> Old {
    Old { certificate: CertificateDer::from(vec![0]), until }
}

#[test]
fn an_old_ca_stays_until_its_last_certificate_has_ended() {
    let clock = Clock(Instant::now());
    let state = begun(&clock, &Published::default());
    let (first, ends) = (authority(&state), state.leaf.as_ref().unwrap().keyed.not_after);
    let published = published(&clock, std::slice::from_ref(&first));
    let state = Change::Rotate.apply(state, clock.at(60), &published, &policy()).unwrap();
    assert_ne!(authority(&state), first);
    assert_eq!(state.old, Some(vec![Old { certificate: first.clone(), until: ends }]));
    assert_eq!(state.bundle().unwrap(), [authority(&state), first.clone()]);
    assert!(!state.leaf.as_ref().unwrap().of_authority, "it stays, and is followed by one of the new CA");
    let after = u32::try_from(ends.as_second() - at(0).as_second()).unwrap() + 1;
    assert_eq!(plan(&state, clock.at(after - 1), &published, &policy()).change, None);
    assert_eq!(plan(&state, clock.at(after), &published, &policy()).change, Some(Change::Forget));
    let state = Change::Forget.apply(state, clock.at(after), &published, &policy()).unwrap();
    assert_eq!(state.bundle().unwrap(), [authority(&state)]);
}

#[test]
fn where_nobody_knows_all_that_is_trusted_stays_for_as_long_as_a_certificate() {
    let clock = Clock(Instant::now());
    let (ours, other) = (begun(&clock, &Published::default()), issue_other());
    let published = published(&clock, &[authority(&ours), other.clone(), other.clone()]);
    let until = at(60 + 30 * 24 * 3600);
    let known = vec![Old { certificate: other.clone(), until: at(100) }];
    for (change, old) in [(Change::Adopt, None), (Change::Adopt, Some(known))] {
        let state = State { old, ..ours.clone() };
        let state = change.apply(state, clock.at(60), &published, &policy()).unwrap();
        assert_eq!(state.old, Some(vec![Old { certificate: other.clone(), until }]));
        assert_eq!(authority(&state), authority(&ours));
    }
}

/// Whether a replica changes to the Secret's certificate: served now, the second, and since when its CA is published.
#[rstest]
#[case::nothing_served(None, 0, None, true)]
#[case::not_published(Some(true), 1000, None, false)]
#[case::published_just_now(Some(true), 1000, Some(999), false)]
#[case::published_for_long(Some(true), 1000, Some(970), true)]
#[case::what_is_served_is_not_trusted_either(Some(false), 1000, None, true)]
fn a_replica_serves_what_is_trusted(
    #[case] served_is_trusted: Option<bool>,
    #[case] second: u32,
    #[case] next_published: Option<u32>,
    #[case] expected: bool,
) {
    let clock = Clock(Instant::now());
    let (old, new) = (begun(&clock, &Published::default()), begun(&clock, &Published::default()));
    let pair = |state: &State| state.leaf.as_ref().unwrap().keyed.pair().unwrap();
    let mut trusted = Vec::new();
    trusted.extend((served_is_trusted == Some(true)).then(|| authority(&old)));
    let mut published = published(&clock, &trusted);
    if let Some(since) = next_published {
        trusted.push(authority(&new));
        published.observe(&[configuration("a", &trusted)], clock.at(since).instant);
    }
    let served = served_is_trusted.map(|_| pair(&old));
    assert_eq!(is_better(&pair(&new), served.as_ref(), &published, clock.at(second), &policy()), expected);
    assert!(!is_better(&pair(&new), Some(&pair(&new)), &published, clock.at(second), &policy()));
}
