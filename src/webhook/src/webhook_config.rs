//! The webhook's own `MutatingWebhookConfiguration`s, reduced to the fields that a certificate must match.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use rolebridge_certs::ca_bundle::CaBundle;
use rustls_pki_types::CertificateDer;

/// A `MutatingWebhookConfiguration`, which may not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Name.
    pub name: String,
    /// Resource version; empty if the configuration does not exist.
    pub version: String,
    /// Entries that address the webhook by Service. Entries with a URL are skipped: their certificates are not ours.
    pub entries: Vec<WebhookEntry>,
}

/// One webhook entry: the Service that the API server calls, and the CAs it trusts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEntry {
    /// Index in the configuration.
    pub index: usize,
    /// Name.
    pub name: String,
    /// Namespace of the Service.
    pub namespace: String,
    /// Name of the Service.
    pub service: String,
    /// Trusted CAs (`caBundle`).
    pub bundle: CaBundle,
}

impl WebhookConfig {
    /// Creates the configuration `name` from the API object, or from `None` if it does not exist.
    pub(crate) fn new(name: &str, object: Option<MutatingWebhookConfiguration>) -> Self {
        let Some(object) = object else {
            return Self { name: name.to_owned(), version: String::new(), entries: Vec::new() };
        };
        let entries = object.webhooks.iter().flatten().enumerate();
        Self {
            name: name.to_owned(),
            version: object.metadata.resource_version.unwrap_or_default(),
            entries: entries.filter_map(|(index, webhook)| WebhookEntry::new(index, webhook)).collect(),
        }
    }

    /// Returns whether the configuration exists.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !self.version.is_empty()
    }

    /// Keeps only the entries that call this Service.
    #[must_use]
    pub fn of_service(mut self, namespace: &str, service: &str) -> Self {
        self.entries.retain(|entry| entry.namespace == namespace && entry.service == service);
        self
    }
}

impl WebhookEntry {
    /// Returns the DNS name that the API server expects in the certificate.
    #[must_use]
    pub fn server_name(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    fn new(index: usize, webhook: &MutatingWebhook) -> Option<Self> {
        let client = &webhook.client_config;
        let service = client.service.as_ref()?;
        let pem = client.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        Some(Self {
            index,
            name: webhook.name.clone(),
            namespace: service.namespace.clone(),
            service: service.name.clone(),
            bundle: CaBundle::parse(pem),
        })
    }
}

/// Returns the CAs that every entry trusts.
pub fn trusted_by_all(configs: &[WebhookConfig]) -> impl Iterator<Item = &CertificateDer<'static>> {
    let entries = || configs.iter().flat_map(|config| &config.entries);
    let first = entries().next();
    let candidates = first.into_iter().flat_map(|entry| &entry.bundle.certificates);
    candidates.filter(move |der| entries().all(|entry| entry.bundle.certificates.contains(der)))
}
