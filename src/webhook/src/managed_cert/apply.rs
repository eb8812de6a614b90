//! Applies a planned change to the state of the Secret.

use k8s_openapi::jiff::Timestamp;
use rcgen::Error;
use rustls_pki_types::CertificateDer;

use super::issue;
use super::plan::Change;
use super::policy::Policy;
use super::propagation::{ClockReading, Propagation};
use super::state::{CertState, Leaf, RetiredCa, add_duration};

impl Change {
    /// Returns the state after the change.
    ///
    /// # Errors
    ///
    /// Returns an error if a key or certificate cannot be created.
    pub fn apply(
        self,
        mut state: CertState,
        clock: ClockReading,
        propagation: &Propagation,
        policy: &Policy,
    ) -> Result<CertState, Error> {
        let now = clock.time;
        let latest_expiry = add_duration(now, policy.leaf_lifetime);
        let retire = |certificate, needed_until| RetiredCa { certificate, needed_until };
        let adopted = propagation.cas(now).into_iter().map(|ca| retire(ca, latest_expiry));
        let mut retired = state.retired.take().unwrap_or_default();
        match self {
            Self::Bootstrap => {
                retired.extend(adopted);
                replace_ca(&mut state, now, policy)?;
            }
            Self::AdoptTrusted => retired.extend(adopted),
            Self::RotateCa => {
                let issued = state.leaf.as_ref().filter(|leaf| leaf.issued_by_current_ca);
                let needed_until = issued.map_or(latest_expiry, |leaf| leaf.cert_and_key.not_after);
                let previous = replace_ca(&mut state, now, policy)?;
                retired.extend(previous.map(|ca| retire(ca, needed_until)));
            }
            Self::IssueLeaf => issue_leaf(&mut state, now, policy)?,
            Self::PruneRetired => {}
        }
        retired.retain(|retired| now <= retired.needed_until);
        let retired = deduplicate(retired, state.ca.as_ref().map(|ca| &ca.certificate));
        if self == Self::Bootstrap && retired.is_empty() {
            // No CA is trusted yet, so an unpublished CA cannot break a handshake.
            issue_leaf(&mut state, now, policy)?;
        }
        state.retired = Some(retired);
        Ok(state)
    }
}

/// Creates a new CA, and returns the certificate of the previous one.
fn replace_ca(
    state: &mut CertState,
    now: Timestamp,
    policy: &Policy,
) -> Result<Option<CertificateDer<'static>>, Error> {
    let new = issue::ca(&policy.server_name(), now, policy.ca_lifetime)?;
    if let Some(leaf) = &mut state.leaf {
        leaf.issued_by_current_ca = false;
    }
    Ok(state.ca.replace(new).map(|previous| previous.certificate))
}

fn issue_leaf(state: &mut CertState, now: Timestamp, policy: &Policy) -> Result<(), Error> {
    if let Some(ca) = &state.ca {
        let cert_and_key = issue::leaf(ca, &policy.server_name(), now, policy.leaf_lifetime)?;
        state.leaf = Some(Leaf { cert_and_key, issued_by_current_ca: true });
    }
    Ok(())
}

/// Keeps each retired CA once, with its latest time, and drops the current CA.
fn deduplicate(mut retired: Vec<RetiredCa>, current: Option<&CertificateDer<'_>>) -> Vec<RetiredCa> {
    retired.retain(|retired| Some(&retired.certificate) != current);
    retired.sort_by(|a, b| (&a.certificate[..], b.needed_until).cmp(&(&b.certificate[..], a.needed_until)));
    retired.dedup_by(|next, first| next.certificate == first.certificate);
    retired
}
