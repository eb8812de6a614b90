//! What to do next. Pure: what the Secret holds, what the configurations hold, what time it is.
//!
//! The Secret is the leader's to change. What it holds is published by every replica: during an upgrade a new one may know
//! of a configuration that the leader has never heard of, and would else wait for it in vain, and the upgrade with it.
//!
//! The order makes each step safe to be the last before a crash:
//!
//! 1. A new CA is written to the Secret before anybody else hears of it.
//! 2. It is published beside the old ones.
//! 3. When it has been published for long enough, it signs a certificate, which every replica serves when it sees it.
//! 4. When the last certificate of an old CA has ended, the old CA leaves the Secret, and then the configurations.

use rustls_pki_types::CertificateDer;

use super::policy::Policy;
use super::published::{Moment, Published};
use super::state::State;
use crate::configurations::Configuration;

/// A change of the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There is no usable CA: make one. What the configurations trust stays trusted for as long as a certificate may
    /// last, since replicas may serve certificates of it.
    Begin,
    /// The CA is getting old: make the next one.
    Rotate,
    /// Sign a certificate.
    Sign,
    /// Nobody knows which CAs of before are needed: keep all that are trusted.
    Adopt,
    /// Leave out CAs of before that are not needed any more.
    Forget,
}

/// A configuration whose entries do not hold the CAs that they should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The configuration as it was read.
    pub configuration: String,
    /// Its resource version then.
    pub version: String,
    /// The places and names of the entries in it.
    pub entries: Vec<(usize, String)>,
    /// What each shall hold.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// What to do; both may be done in either order, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The Secret's next change.
    pub change: Option<Change>,
    /// What to publish of what the Secret holds by now.
    pub publications: Vec<Publication>,
}

/// Plans.
#[must_use]
pub fn plan(state: &State, moment: Moment, published: &Published, policy: &Policy) -> Plan {
    let publications = state.bundle().map_or_else(Vec::new, |bundle| {
        let configurations = published.configurations().iter();
        configurations.filter_map(|configuration| publication(configuration, &bundle)).collect()
    });
    Plan { change: change(state, moment, published, policy), publications }
}

fn change(state: &State, moment: Moment, published: &Published, policy: &Policy) -> Option<Change> {
    let now = moment.time;
    let Some(authority) = &state.authority else { return Some(Change::Begin) };
    let Some(old) = &state.old else { return Some(Change::Adopt) };
    if authority.renewed_at() <= now {
        return Some(Change::Rotate);
    }
    let current = state.leaf.as_ref().filter(|leaf| leaf.of_authority && now < leaf.keyed.renewed_at());
    let settled = published.is_settled(&authority.certificate, policy.publish_delay, moment.instant);
    if current.is_none() && settled {
        return Some(Change::Sign);
    }
    old.iter().any(|old| old.until < now).then_some(Change::Forget)
}

fn publication(configuration: &Configuration, bundle: &[CertificateDer<'static>]) -> Option<Publication> {
    let lacking = configuration.entries.iter().filter(|entry| !entry.bundle.is(bundle));
    let entries: Vec<_> = lacking.map(|entry| (entry.index, entry.name.clone())).collect();
    (!entries.is_empty()).then(|| Publication {
        configuration: configuration.name.clone(),
        version: configuration.version.clone(),
        entries,
        authorities: bundle.to_vec(),
    })
}
