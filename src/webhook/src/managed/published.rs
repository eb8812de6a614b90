//! Which CAs the configurations hold, and for how long each has been in all of them.
//!
//! An API server learns of a changed configuration by its watch: within a second as a rule, after half a minute at the
//! worst. So a certificate of a new CA is served when the CA has been there for longer than that. Each replica measures
//! it for itself, with its own clock that never jumps: that is safe whatever other clocks say, and costs a leader that is
//! new one more wait at most.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::verify;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use crate::certificates::Pair;
use crate::configurations::{Configuration, trusted_by_all};

/// A point in time by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The one that certificates go by.
    pub time: Timestamp,
    /// The one that never jumps.
    pub instant: Instant,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self { time: Timestamp::now(), instant: Instant::now() }
    }
}

/// What has been published, as seen from one replica.
#[derive(Debug, Clone, Default)]
pub struct Published {
    configurations: Vec<Configuration>,
    since: HashMap<CertificateDer<'static>, Instant>,
}

impl Published {
    /// Takes in what the configurations say now.
    pub fn observe(&mut self, configurations: &[Configuration], now: Instant) {
        let seen = trusted_by_all(configurations);
        self.since = seen.map(|der| (der.clone(), *self.since.get(der).unwrap_or(&now))).collect();
        self.configurations = configurations.to_vec();
    }

    /// What the configurations said last.
    #[must_use]
    pub fn configurations(&self) -> &[Configuration] {
        &self.configurations
    }

    /// Whether a CA has been in every entry for so long.
    #[must_use]
    pub fn is_settled(&self, authority: &CertificateDer<'_>, delay: Duration, now: Instant) -> bool {
        self.since.get(authority).is_some_and(|since| now.duration_since(*since) >= delay)
    }

    /// Every CA that an entry holds and that has not ended.
    #[must_use]
    pub fn authorities(&self, now: Timestamp) -> Vec<CertificateDer<'static>> {
        let entries = self.configurations.iter().flat_map(|configuration| &configuration.entries);
        let mut found: Vec<_> = entries
            .flat_map(|entry| &entry.bundle.certificates)
            .filter(|der| lasts(der, now))
            .cloned()
            .collect();
        found.sort_by(|a, b| a[..].cmp(&b[..]));
        found.dedup();
        found
    }

    /// Whether API servers have taken a certificate for this name for so long.
    #[must_use]
    pub fn takes(&self, pair: &Pair, name: &str, delay: Duration, moment: Moment) -> bool {
        let settled = self.since.keys().filter(|der| self.is_settled(der, delay, moment.instant));
        let settled: Vec<_> = settled.cloned().collect();
        verify::verify_server_cert(pair.chain(), name, &settled, moment.time).is_ok()
    }
}

fn lasts(certificate: &CertificateDer<'_>, now: Timestamp) -> bool {
    rolebridge_certs::validity::Validity::of(certificate).is_some_and(|validity| now < validity.not_after)
}
