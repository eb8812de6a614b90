//! The webhook's own `MutatingWebhookConfiguration`s, as far as a certificate must fit them.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use kube::{Api, Client};
use rolebridge_certs::ca_bundle::CaBundle;
use rustls_pki_types::CertificateDer;

use crate::ask::ask;

/// A configuration, or the lack of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Its name.
    pub name: String,
    /// Its resource version; empty if there is no such configuration.
    pub version: String,
    /// Its entries that call the webhook's service. Who is called by URL has his certificate from elsewhere.
    pub entries: Vec<Entry>,
}

/// One entry: whom an API server calls, and whose certificate it takes for him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the configuration.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// The service's namespace.
    pub namespace: String,
    /// The service's name.
    pub service: String,
    /// The CAs that are trusted.
    pub bundle: CaBundle,
}

impl Configuration {
    /// Whether it exists.
    #[must_use]
    pub const fn exists(&self) -> bool {
        !self.version.is_empty()
    }

    /// Leaves out entries that call another service, whatever they stand beside.
    #[must_use]
    pub fn of_service(mut self, namespace: &str, service: &str) -> Self {
        self.entries.retain(|entry| entry.namespace == namespace && entry.service == service);
        self
    }

    fn new(name: &str, found: Option<MutatingWebhookConfiguration>) -> Self {
        let Some(found) = found else {
            return Self { name: name.to_owned(), version: String::new(), entries: Vec::new() };
        };
        let entries = found.webhooks.iter().flatten().enumerate();
        Self {
            name: name.to_owned(),
            version: found.metadata.resource_version.unwrap_or_default(),
            entries: entries.filter_map(|(index, webhook)| Entry::new(index, webhook)).collect(),
        }
    }
}

impl Entry {
    /// The name that the API server demands of the certificate.
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

/// The CAs that every entry trusts.
pub fn trusted_by_all(configurations: &[Configuration]) -> impl Iterator<Item = &CertificateDer<'static>> {
    let entries = || configurations.iter().flat_map(|configuration| &configuration.entries);
    let first = entries().next();
    let candidates = first.into_iter().flat_map(|entry| &entry.bundle.certificates);
    candidates.filter(move |der| entries().all(|entry| entry.bundle.certificates.contains(der)))
}

/// Reads all of them.
///
/// # Errors
///
/// One of them cannot be read; that it does not exist is no error.
pub async fn read(client: &Client, names: &[String]) -> Result<Vec<Configuration>, String> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let mut configurations = Vec::with_capacity(names.len());
    for name in names {
        let found = ask(api.get_opt(name)).await;
        let found = found
            .map_err(|error| format!("The MutatingWebhookConfiguration {name} cannot be read: {error}."))?;
        configurations.push(Configuration::new(name, found));
    }
    Ok(configurations)
}
