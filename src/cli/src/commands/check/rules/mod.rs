//! Rules that evaluate the collected state. They are pure: the snapshot contains the current time.

mod ca_bundle;
mod defaults;
mod expiry;
mod overlap;
mod pod_messages;
pub(crate) mod pods;
mod quotas;
mod reachability;
mod replicas;
mod serving_certificate;
mod version;
mod webhook_configuration;

use crate::commands::check::finding::Finding;
use crate::commands::check::snapshot::InstallationSnapshot;

/// Evaluates an installation.
pub(crate) fn evaluate_installation(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    [
        webhook_configuration::evaluate(snapshot),
        overlap::evaluate(snapshot),
        ca_bundle::evaluate(snapshot),
        defaults::evaluate(snapshot),
        replicas::evaluate(snapshot),
        version::evaluate(snapshot),
        serving_certificate::evaluate(snapshot),
        reachability::evaluate(snapshot),
    ]
    .concat()
}
