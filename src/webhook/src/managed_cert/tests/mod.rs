//! Tests of the pure modules, with a simulated clock.

mod leader;
mod lease_client;
mod plan;
mod secret;
mod simulated_cluster;
mod simulation;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rustls_pki_types::CertificateDer;

use super::policy::Policy;
use crate::webhook_config::{WebhookConfig, WebhookEntry};

pub(super) const DAY: Duration = Duration::from_hours(24);

/// Returns the policy of the chart.
pub(super) fn policy() -> Policy {
    Policy {
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        ca_lifetime: 365 * DAY,
        leaf_lifetime: 30 * DAY,
        publish_delay: Duration::from_secs(30),
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// Builds a configuration with two entries that trust these CAs.
pub(super) fn config(name: &str, cas: &[CertificateDer<'static>]) -> WebhookConfig {
    let entry = |index, name: &str| WebhookEntry {
        index,
        name: name.to_owned(),
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        bundle: CaBundle { certificates: cas.to_vec(), broken: false },
    };
    WebhookConfig {
        name: name.to_owned(),
        version: "1".to_owned(),
        entries: vec![entry(0, "pods"), entry(2, "namespaces")],
    }
}
