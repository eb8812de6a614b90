//! Selects the certificate that a replica serves: the Secret's, as soon as API servers accept it.

use std::time::Duration;

use super::policy::Policy;
use super::propagation::{ClockReading, Propagation};
use crate::http::cert_resolver::ServingCert;

/// Returns whether `next` should replace `current`. The leader issues a certificate only after its CA has been published
/// for long enough, so the replacement is usually immediate. It is delayed when a Secret was restored from a backup.
#[must_use]
pub fn should_replace(
    next: &ServingCert,
    current: Option<&ServingCert>,
    propagation: &Propagation,
    clock: ClockReading,
    policy: &Policy,
) -> bool {
    let Some(current) = current else { return true };
    if current.chain() == next.chain() {
        return false;
    }
    let (name, delay) = (policy.server_name(), policy.publish_delay);
    propagation.accepts(next, &name, delay, clock)
        || !propagation.accepts(current, &name, Duration::ZERO, clock)
}
