//! What each change of the Secret makes of it.

use k8s_openapi::jiff::Timestamp;
use rcgen::Error;
use rustls_pki_types::CertificateDer;

use super::issue;
use super::plan::Change;
use super::policy::Policy;
use super::published::{Moment, Published};
use super::state::{Leaf, Old, State, after};

impl Change {
    /// The state after it.
    ///
    /// # Errors
    ///
    /// A key cannot be made.
    pub fn apply(
        self,
        mut state: State,
        moment: Moment,
        published: &Published,
        policy: &Policy,
    ) -> Result<State, Error> {
        let now = moment.time;
        let last = after(now, policy.leaf_lifetime);
        let adopted =
            published.authorities(now).into_iter().map(|certificate| Old { certificate, until: last });
        let mut old = state.old.take().unwrap_or_default();
        match self {
            Self::Begin => {
                old.extend(adopted);
                replace_authority(&mut state, now, policy)?;
            }
            Self::Adopt => old.extend(adopted),
            Self::Rotate => {
                let signed = state.leaf.as_ref().filter(|leaf| leaf.of_authority);
                let until = signed.map_or(last, |leaf| leaf.keyed.not_after);
                let before = replace_authority(&mut state, now, policy)?;
                old.extend(before.map(|certificate| Old { certificate, until }));
            }
            Self::Sign => sign(&mut state, now, policy)?,
            Self::Forget => {}
        }
        old.retain(|old| now <= old.until);
        let old = without_repeats(old, state.authority.as_ref().map(|authority| &authority.certificate));
        if self == Self::Begin && old.is_empty() {
            // Nothing is trusted yet, so there is no handshake that an unpublished CA could spoil.
            sign(&mut state, now, policy)?;
        }
        state.old = Some(old);
        Ok(state)
    }
}

/// Makes a new CA, and gives back the old one.
fn replace_authority(
    state: &mut State,
    now: Timestamp,
    policy: &Policy,
) -> Result<Option<CertificateDer<'static>>, Error> {
    let new = issue::authority(&policy.server_name(), now, policy.authority_lifetime)?;
    if let Some(leaf) = &mut state.leaf {
        leaf.of_authority = false;
    }
    Ok(state.authority.replace(new).map(|old| old.certificate))
}

fn sign(state: &mut State, now: Timestamp, policy: &Policy) -> Result<(), Error> {
    if let Some(authority) = &state.authority {
        let keyed = issue::leaf(authority, &policy.server_name(), now, policy.leaf_lifetime)?;
        state.leaf = Some(Leaf { keyed, of_authority: true });
    }
    Ok(())
}

/// Each CA once, for as long as any says, and not the one that signs.
fn without_repeats(mut old: Vec<Old>, authority: Option<&CertificateDer<'_>>) -> Vec<Old> {
    old.retain(|old| Some(&old.certificate) != authority);
    old.sort_by(|a, b| (&a.certificate[..], b.until).cmp(&(&b.certificate[..], a.until)));
    old.dedup_by(|next, first| next.certificate == first.certificate);
    old
}
