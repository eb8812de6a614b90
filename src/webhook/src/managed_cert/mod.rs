//! Serving certificate managed by the webhook itself, without cert-manager or manual steps.
//!
//! A Secret stores a private CA and the certificate that every replica serves. One replica, elected by a Lease, renews
//! both. Every replica reads the Secret and the webhook's own configurations periodically, and the latter after each
//! change. It publishes the CA in each `caBundle`, and serves the certificate. The chart creates the Secret and the Lease
//! empty, and the configurations without `caBundle`. So the webhook lists and watches only its own configurations, by name,
//! and may create only a missing Lease.
//!
//! [`plan`], [`policy`], [`leader`], [`select`], [`state`], [`secret`] and [`propagation`] are pure. `client`,
//! `lease_client`, `election` and `reconciler` do IO.

mod apply;
pub mod args;
mod client;
mod election;
pub mod issue;
pub mod leader;
mod lease_client;
pub mod metrics;
pub mod plan;
pub mod policy;
pub mod propagation;
mod reconciler;
pub mod secret;
pub mod select;
pub mod settings;
pub mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use self::leader::LeaseHolder;
use self::lease_client::LeaseClient;
use self::reconciler::Reconciler;
pub use self::reconciler::Shared;
use self::settings::Settings;
use crate::background;

/// Manages the certificate until the shutdown begins. The task ends when the Lease has been released.
#[must_use]
pub fn start(client: Client, settings: Settings, shared: Shared) -> JoinHandle<()> {
    let leading = watch::Sender::new(false);
    let is_leader = leading.subscribe();
    let leases = LeaseClient::new(client.clone(), &settings);
    let holder = LeaseHolder::new(leader::identity(), settings.lease_duration);
    let drain = Arc::clone(&shared.drain);
    let metrics = Arc::clone(&shared.metrics);
    background::spawn("certificate reconciler", Reconciler::new(client, settings, shared, is_leader).run());
    background::spawn("leader election", async move {
        let identity = holder.identity().to_owned();
        tokio::select! {
            () = election::run(&leases, holder, &leading, &metrics) => {}
            () = drain.draining() => {}
        }
        if leading.send_replace(false)
            && let Err(error) = leases.release(&identity).await
        {
            warn!(error, "failed to release the Lease; another replica takes over when it expires");
        }
    })
}
