//! Trust of API servers in the serving certificate: one half of readiness.
//!
//! Starts as not ready and becomes ready once every webhook entry trusts the serving certificate. Afterwards it is
//! unready only if no entry trusts it: failing for a single broken entry would take the replica out of service for the
//! working ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::validity::Validity;
use rolebridge_certs::verify;

use crate::http::cert_resolver::{CertResolver, ServingCert};
use crate::webhook_config::WebhookConfig;

/// Maximum time between two reads while the certificate is not yet trusted.
const UNTRUSTED_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Minimum time between two reads from the API server, even if files are checked more often.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Latest webhook configurations, and whether all of them have ever trusted the serving certificate.
#[derive(Debug, Default)]
pub struct CertTrust {
    names: Vec<String>,
    observed: ArcSwapOption<Vec<WebhookConfig>>,
    confirmed: AtomicBool,
}

impl CertTrust {
    /// Checks the configurations with these names. Without names, every certificate counts as trusted.
    #[must_use]
    pub fn new(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }

    /// Returns the names of the configurations.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Stores the latest configurations.
    pub fn observe(&self, configs: Vec<WebhookConfig>) {
        self.observed.store(Some(configs.into()));
    }

    /// Returns why API servers would not trust the serving certificate, as a clause; `None` if they would.
    pub fn problem(&self, serving: &ServingCert, now: Timestamp) -> Option<String> {
        let first = self.names.first()?;
        let Some(observed) = self.observed.load_full() else {
            return Some(format!("MutatingWebhookConfiguration {first} not read yet"));
        };
        let results: Vec<_> = verify_entries(serving, &observed, now).collect();
        let error = results.iter().find_map(Option::as_ref);
        if self.confirmed.load(Ordering::Relaxed) {
            let trusted = results.is_empty() || results.iter().any(Option::is_none);
            return if trusted { None } else { error.cloned() };
        }
        let missing = observed.iter().find(|config| !config.exists());
        let missing = missing.map(|config| format!("MutatingWebhookConfiguration {} not found", config.name));
        let problem = missing.or_else(|| error.cloned());
        self.confirmed.store(problem.is_none(), Ordering::Relaxed);
        problem
    }

    /// Returns the validity of the CA in `caBundle` that the serving certificate leads to, expired or not. If the entries
    /// differ, returns the one that expires first.
    #[must_use]
    pub fn ca_bundle_validity(&self, serving: &ServingCert) -> Option<Validity> {
        let observed = self.observed.load_full()?;
        let entries = observed.iter().flat_map(|config| &config.entries);
        let anchors = entries.filter_map(|entry| {
            verify::anchor_validity(serving.chain(), &entry.server_name(), &entry.bundle.certificates)
        });
        anchors.min_by_key(|validity| validity.not_after)
    }

    /// Returns the time to wait until the next read of the configurations.
    pub(crate) fn poll_delay(&self, resolver: &CertResolver, interval: Duration) -> Duration {
        let serving = resolver.current();
        let untrusted = serving.is_none_or(|serving| self.problem(&serving, Timestamp::now()).is_some());
        let delay = if untrusted { UNTRUSTED_POLL_INTERVAL.min(interval) } else { interval };
        delay.max(MIN_POLL_INTERVAL)
    }
}

/// Verifies the certificate against each entry; yields the error, or `None` if the entry trusts it.
fn verify_entries<'a>(
    serving: &'a ServingCert,
    configs: &'a [WebhookConfig],
    now: Timestamp,
) -> impl Iterator<Item = Option<String>> + 'a {
    let entries = configs.iter().flat_map(|config| config.entries.iter().map(move |entry| (config, entry)));
    entries.map(move |(config, entry)| {
        let error = verify::verify_server_cert(
            serving.chain(),
            &entry.server_name(),
            &entry.bundle.certificates,
            now,
        )
        .err()?;
        Some(format!(
            "caBundle of {} in MutatingWebhookConfiguration {} does not match: {error}",
            entry.name, config.name
        ))
    })
}
