//! The certificate, managed by the webhook itself: no other program, no person.
//!
//! A CA of the webhook's own lies in a Secret, with the certificate that every replica serves. One replica leads by a
//! Lease, and renews both. Every replica looks at the Secret and at the webhook's own configurations now and then, sees to
//! it that the CA is in each `caBundle`, and serves what it finds. The chart makes the Secret and the Lease, empty, and the
//! configurations, without `caBundle`, so that no right to list is needed, nor any to create but a missing Lease.
//!
//! [`plan`] decides what is done, [`serve`] what a replica serves, [`lease`] who leads; they are pure. `rounds` and
//! `leases` do it.

pub mod arguments;
mod change;
pub mod counts;
pub mod document;
pub mod issue;
pub mod lease;
mod leases;
mod objects;
pub mod plan;
pub mod policy;
pub mod published;
mod rounds;
pub mod serve;
pub mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use self::arguments::ObjectName;
use self::counts::Counts;
use self::lease::Candidate;
use self::leases::Leases;
use self::policy::Policy;
use self::rounds::Rounds;
use crate::certificates::Certificates;
use crate::drain::Drain;
use crate::trust::Trust;

/// What the API server notes as the owner of the fields that are written here.
pub(crate) const FIELD_MANAGER: &str = "rolebridge-webhook";

/// What managing the certificate needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The Secret.
    pub secret: ObjectName,
    /// The Lease, in the Secret's namespace.
    pub lease: String,
    /// How long a leader is waited for.
    pub lease_duration: Duration,
    /// How often to look.
    pub interval: Duration,
    /// For whom, and for how long.
    pub policy: Policy,
}

/// What of the rest of the program takes part.
#[derive(Debug, Clone)]
pub struct Shared {
    /// What is served.
    pub certificates: Arc<Certificates>,
    /// What API servers trust.
    pub trust: Arc<Trust>,
    /// Counts.
    pub counts: Arc<Counts>,
    /// Leading ends as soon as the program begins to leave.
    pub drain: Arc<Drain>,
}

/// Manages the certificate until the program leaves; the task ends when the Lease has been let go.
#[must_use]
pub fn start(client: Client, settings: Settings, shared: Shared) -> JoinHandle<()> {
    let leading = watch::Sender::new(false);
    let leads = leading.subscribe();
    let leases = Leases::new(client.clone(), &settings);
    let candidate = Candidate::new(lease::identity(), settings.lease_duration);
    let drain = Arc::clone(&shared.drain);
    let counts = Arc::clone(&shared.counts);
    tokio::spawn(Rounds::new(client, settings, shared, leads).follow());
    tokio::spawn(async move {
        let identity = candidate.identity().to_owned();
        tokio::select! {
            () = lease::follow(&leases, candidate, &leading, &counts) => {}
            () = drain.leaving() => {}
        }
        if leading.send_replace(false)
            && let Err(error) = leases.release(&identity).await
        {
            warn!(error, "the Lease was not let go; another replica leads when it has run out");
        }
    })
}
