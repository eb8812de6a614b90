//! Whether API servers take the certificate that is served: half of what being ready means.
//!
//! It begins as no, and becomes yes when every entry of every configuration takes it. After that it is no only if not a
//! single entry does: a replica that left because of one spoilt entry would fail the others' calls too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use rolebridge_certs::verify;
use tokio::time::sleep;
use tracing::warn;

use crate::certificates::{Certificates, Pair};
use crate::configurations::{self, Configuration};

/// How often to look while it is not yet trusted.
const EAGER: Duration = Duration::from_secs(1);
/// The API server is asked no more often than this, whatever holds for files.
const SHORTEST: Duration = Duration::from_millis(100);

/// What the configurations said last, and whether they have ever trusted what is served.
#[derive(Debug, Default)]
pub struct Trust {
    names: Vec<String>,
    seen: ArcSwapOption<Vec<Configuration>>,
    confirmed: AtomicBool,
}

impl Trust {
    /// Judges by the configurations of these names. By none: everything is trusted.
    #[must_use]
    pub fn by(names: Vec<String>) -> Self {
        Self { names, ..Self::default() }
    }

    /// The configurations' names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Takes in what the configurations say now.
    pub fn see(&self, configurations: Vec<Configuration>) {
        self.seen.store(Some(configurations.into()));
    }

    /// Why API servers would not take what is served, in a sentence's part; `None` if they would.
    pub fn missing(&self, served: &Pair, now: Timestamp) -> Option<String> {
        let first = self.names.first()?;
        let Some(seen) = self.seen.load_full() else {
            return Some(format!("the MutatingWebhookConfiguration {first} has not been read yet"));
        };
        let verdicts: Vec<_> = verdicts(served, &seen, now).collect();
        let fault = verdicts.iter().find_map(Option::as_ref);
        if self.confirmed.load(Ordering::Relaxed) {
            let trusted = verdicts.is_empty() || verdicts.iter().any(Option::is_none);
            return if trusted { None } else { fault.cloned() };
        }
        let absent = seen.iter().find(|configuration| !configuration.exists());
        let absent = absent
            .map(|configuration| format!("there is no MutatingWebhookConfiguration {}", configuration.name));
        let missing = absent.or_else(|| fault.cloned());
        self.confirmed.store(missing.is_none(), Ordering::Relaxed);
        missing
    }
}

/// For each entry: what is wrong with the certificate.
fn verdicts<'a>(
    served: &'a Pair,
    configurations: &'a [Configuration],
    now: Timestamp,
) -> impl Iterator<Item = Option<String>> + 'a {
    let entries = configurations
        .iter()
        .flat_map(|configuration| configuration.entries.iter().map(move |entry| (configuration, entry)));
    entries.map(move |(configuration, entry)| {
        let verdict =
            verify::verify_server_cert(served.chain(), &entry.server_name(), &entry.bundle.certificates, now)
                .err()?;
        Some(format!(
            "the caBundle of {} in the MutatingWebhookConfiguration {} does not fit: {verdict}",
            entry.name, configuration.name
        ))
    })
}

/// Keeps looking at the configurations, for a certificate that others renew.
pub async fn follow(client: Client, trust: &Trust, certificates: &Certificates, every: Duration) {
    if trust.names().is_empty() {
        return;
    }
    loop {
        match configurations::read(&client, trust.names()).await {
            Ok(configurations) => trust.see(configurations),
            Err(error) => warn!(error, "cannot tell whether API servers trust the certificate; trying again"),
        }
        sleep(pause(trust, certificates, every)).await;
    }
}

/// How long to wait until the next look.
pub(crate) fn pause(trust: &Trust, certificates: &Certificates, every: Duration) -> Duration {
    let served = certificates.served();
    let missing = served.is_none_or(|served| trust.missing(&served, Timestamp::now()).is_some());
    if missing { EAGER.min(every) } else { every }.max(SHORTEST)
}
