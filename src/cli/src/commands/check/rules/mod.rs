//! From what was read to what is wrong: pure, with the clock in the snapshot.

mod ca_bundle;
mod defaults;
mod expiry;
mod pod_messages;
pub(crate) mod pods;
mod reachability;
mod replicas;
mod serving_certificate;
mod version;
mod webhook_configuration;

use crate::commands::check::finding::Finding;
use crate::commands::check::snapshot::InstallationSnapshot;

/// What is to be said of an installation.
pub(crate) fn evaluate_installation(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    [
        webhook_configuration::evaluate(snapshot),
        ca_bundle::evaluate(snapshot),
        defaults::evaluate(snapshot),
        replicas::evaluate(snapshot),
        version::evaluate(snapshot),
        serving_certificate::evaluate(snapshot),
        reachability::evaluate(snapshot),
    ]
    .concat()
}

/// Somebody else's words as a sentence.
fn as_sentence(words: &str) -> String {
    let words = words.trim();
    if words.ends_with(['.', '?', '!']) { words.to_owned() } else { format!("{words}.") }
}
