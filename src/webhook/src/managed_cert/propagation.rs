//! CAs in the webhook configurations, and since when each has been in all of them.
//!
//! API servers watch the configurations: they usually see a change within a second, at worst after half a minute. So a
//! certificate of a new CA is served only when the CA has been published for longer. Each replica measures that time with
//! its own monotonic clock. That is safe whatever other clocks show, and costs a new leader at most one more delay.

use std::collections::HashMap;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::validity::Validity;
use rolebridge_certs::verify;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;

use crate::http::cert_resolver::ServingCert;
use crate::webhook_config::{WebhookConfig, trusted_by_all};

/// One point in time on the wall clock and on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct ClockReading {
    /// Wall clock, for the validity of certificates.
    pub time: Timestamp,
    /// Monotonic clock, for delays.
    pub instant: Instant,
}

impl ClockReading {
    /// Reads both clocks.
    #[must_use]
    pub fn now() -> Self {
        Self { time: Timestamp::now(), instant: Instant::now() }
    }
}

/// Published CAs as observed by one replica.
#[derive(Debug, Clone, Default)]
pub struct Propagation {
    configs: Vec<WebhookConfig>,
    published_since: HashMap<CertificateDer<'static>, Instant>,
}

impl Propagation {
    /// Stores the latest configurations.
    pub fn observe(&mut self, configs: &[WebhookConfig], now: Instant) {
        let published = trusted_by_all(configs);
        self.published_since =
            published.map(|der| (der.clone(), *self.published_since.get(der).unwrap_or(&now))).collect();
        self.configs = configs.to_vec();
    }

    /// Returns the latest configurations.
    #[must_use]
    pub fn configs(&self) -> &[WebhookConfig] {
        &self.configs
    }

    /// Returns whether a CA has been in every entry for at least `delay`.
    #[must_use]
    pub fn is_settled(&self, ca: &CertificateDer<'_>, delay: Duration, now: Instant) -> bool {
        self.published_since.get(ca).is_some_and(|since| now.duration_since(*since) >= delay)
    }

    /// Returns every unexpired CA in any entry.
    #[must_use]
    pub fn cas(&self, now: Timestamp) -> Vec<CertificateDer<'static>> {
        let entries = self.configs.iter().flat_map(|config| &config.entries);
        let mut cas: Vec<_> = entries
            .flat_map(|entry| &entry.bundle.certificates)
            .filter(|der| is_unexpired(der, now))
            .cloned()
            .collect();
        cas.sort_by(|a, b| a[..].cmp(&b[..]));
        cas.dedup();
        cas
    }

    /// Returns whether API servers have accepted the certificate for this name for at least `delay`.
    #[must_use]
    pub fn accepts(&self, cert: &ServingCert, name: &str, delay: Duration, clock: ClockReading) -> bool {
        let settled = self.published_since.keys().filter(|der| self.is_settled(der, delay, clock.instant));
        let settled: Vec<_> = settled.cloned().collect();
        verify::verify_server_cert(cert.chain(), name, &settled, clock.time).is_ok()
    }
}

fn is_unexpired(certificate: &CertificateDer<'_>, now: Timestamp) -> bool {
    Validity::of(certificate).is_some_and(|validity| now < validity.not_after)
}
