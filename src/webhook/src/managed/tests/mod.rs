//! The core with a clock of the tests' own.

mod documents;
mod leases;
mod making;
mod plans;
mod simulation;
mod world;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rustls_pki_types::CertificateDer;

use super::policy::Policy;
use crate::configurations::{Configuration, Entry};

pub(super) const DAY: Duration = Duration::from_hours(24);

/// The chart's.
pub(super) fn policy() -> Policy {
    Policy {
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        authority_lifetime: 365 * DAY,
        leaf_lifetime: 30 * DAY,
        publish_delay: Duration::from_secs(30),
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A configuration of two entries that trust these.
pub(super) fn configuration(name: &str, authorities: &[CertificateDer<'static>]) -> Configuration {
    let entry = |index, name: &str| Entry {
        index,
        name: name.to_owned(),
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        bundle: CaBundle { certificates: authorities.to_vec(), broken: false },
    };
    Configuration {
        name: name.to_owned(),
        version: "1".to_owned(),
        entries: vec![entry(0, "pods"), entry(2, "namespaces")],
    }
}
