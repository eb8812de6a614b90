//! Leader election: acquires and renews the Lease periodically.

use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::leader::LeaseHolder;
use super::lease_client::{AcquireResult, LeaseClient};
use super::metrics::{CertStep, ManagedCertMetrics};

/// Holds the Lease whenever possible, and publishes in `leading` whether it is held, until the future is dropped.
pub(super) async fn run(
    leases: &LeaseClient,
    mut holder: LeaseHolder,
    leading: &watch::Sender<bool>,
    metrics: &ManagedCertMetrics,
) {
    let duration = holder.duration();
    let mut acquired_at = None;
    loop {
        let started = Instant::now();
        match leases.acquire(&mut holder).await {
            Ok(AcquireResult::Acquired) => acquired_at = Some(started),
            Ok(AcquireResult::HeldByOther) => acquired_at = None,
            Ok(AcquireResult::Conflict | AcquireResult::NotFound) => {}
            Err(error) => {
                metrics.record_error(CertStep::Lease);
                warn!(error, "failed to acquire or renew the Lease; retrying");
            }
        }
        // Other replicas consider the Lease expired later than this, never earlier.
        let leads = acquired_at.is_some_and(|acquired: Instant| acquired.elapsed() < duration * 2 / 3);
        if leading.send_if_modified(|leading| std::mem::replace(leading, leads) != leads) {
            info!(leads, identity = holder.identity(), "leadership changed");
        }
        sleep(duration / 5).await;
    }
}
