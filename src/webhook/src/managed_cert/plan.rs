//! Plans the next change from the Secret, the webhook configurations and the time. Pure.
//!
//! Only the leader changes the Secret, but every replica publishes the Secret's CAs. During an upgrade a new replica may
//! know a webhook configuration that the old leader does not. If only the leader published, the new replica would never
//! become ready and the rollout would stall.
//!
//! The order makes a crash after any step safe:
//!
//! 1. A new CA is written to the Secret before it is published.
//! 2. It is published together with the retired CAs.
//! 3. When it has been published for long enough, it issues a certificate, which every replica serves once it sees it.
//! 4. When the last certificate of a retired CA has expired, the CA is removed from the Secret, then from the
//!    configurations.

use rustls_pki_types::CertificateDer;

use super::policy::Policy;
use super::propagation::{ClockReading, Propagation};
use super::state::CertState;
use crate::webhook_config::WebhookConfig;

/// A change of the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Create a CA because there is no usable one. CAs in the configurations stay trusted for a certificate's lifetime,
    /// because replicas may serve certificates that they issued.
    Bootstrap,
    /// Create the next CA because the current one is due for renewal.
    RotateCa,
    /// Issue a certificate.
    IssueLeaf,
    /// Keep all trusted CAs because the list of retired CAs is lost.
    AdoptTrusted,
    /// Remove retired CAs that are no longer needed.
    PruneRetired,
}

/// A configuration with entries that do not contain the expected CAs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Name of the configuration.
    pub config: String,
    /// Resource version of the configuration when it was read.
    pub version: String,
    /// Indexes and names of the entries to change.
    pub entries: Vec<(usize, String)>,
    /// CAs to set in each entry.
    pub cas: Vec<CertificateDer<'static>>,
}

/// The next steps, which are independent of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertPlan {
    /// Next change of the Secret.
    pub change: Option<Change>,
    /// Publications of the CAs that the Secret contains.
    pub publications: Vec<Publication>,
}

/// Returns the next change and the publications that are due.
#[must_use]
pub fn plan(state: &CertState, clock: ClockReading, propagation: &Propagation, policy: &Policy) -> CertPlan {
    let publications = state.bundle().map_or_else(Vec::new, |bundle| {
        let configs = propagation.configs().iter();
        configs.filter_map(|config| publication(config, &bundle)).collect()
    });
    CertPlan { change: change(state, clock, propagation, policy), publications }
}

fn change(
    state: &CertState,
    clock: ClockReading,
    propagation: &Propagation,
    policy: &Policy,
) -> Option<Change> {
    let now = clock.time;
    let Some(ca) = &state.ca else { return Some(Change::Bootstrap) };
    let Some(retired) = &state.retired else { return Some(Change::AdoptTrusted) };
    if ca.renewal_time() <= now {
        return Some(Change::RotateCa);
    }
    let has_fresh_leaf = state
        .leaf
        .as_ref()
        .is_some_and(|leaf| leaf.issued_by_current_ca && now < leaf.cert_and_key.renewal_time());
    if !has_fresh_leaf && propagation.is_settled(&ca.certificate, policy.publish_delay, clock.instant) {
        return Some(Change::IssueLeaf);
    }
    retired.iter().any(|retired| retired.needed_until < now).then_some(Change::PruneRetired)
}

fn publication(config: &WebhookConfig, bundle: &[CertificateDer<'static>]) -> Option<Publication> {
    let outdated = config.entries.iter().filter(|entry| !entry.bundle.is(bundle));
    let entries: Vec<_> = outdated.map(|entry| (entry.index, entry.name.clone())).collect();
    (!entries.is_empty()).then(|| Publication {
        config: config.name.clone(),
        version: config.version.clone(),
        entries,
        cas: bundle.to_vec(),
    })
}
