//! Releases of the chart, recognized by labels and names whatever installed them (Helm or kubectl).

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::cluster::with_timeout;
use crate::error::CliError;

/// A label selector that matches every object of the chart, and objects of other charts.
pub(crate) const SELECTOR: &str = "app.kubernetes.io/component=webhook";
/// The suffix of the entries of Rolebridge in webhook configurations.
const ENTRY_SUFFIX: &str = ".rolebridge.io";
/// The entry for pods that opt in by annotation.
pub(crate) const POD_ENTRY: &str = "pods.rolebridge.io";
/// The entry for pods that their namespace opts in.
pub(crate) const NAMESPACE_ENTRY: &str = "namespaces.rolebridge.io";
/// The key of `defaults.yaml` in its ConfigMap.
const DEFAULTS_KEY: &str = "defaults.yaml";
/// The suffix of the ConfigMap's name, after the release's name.
const DEFAULTS_SUFFIX: &str = "-defaults";

/// A release of the chart: its objects are named after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Release {
    /// Returns the title of an object that is named like the release: `Deployment/rolebridge-system/rolebridge`.
    pub(crate) fn object(&self, kind: &str) -> String {
        format!("{kind}/{}/{}", self.namespace, self.name)
    }

    /// Returns the DNS name that API servers expect in the serving certificate.
    pub(crate) fn server_name(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// Returns the name of the `ConfigMap` that contains `defaults.yaml`.
    pub(crate) fn defaults_name(&self) -> String {
        format!("{}{DEFAULTS_SUFFIX}", self.name)
    }

    /// Returns the release of a `ConfigMap` that contains `defaults.yaml`.
    fn of_config_map(map: &ConfigMap) -> Option<Self> {
        defaults_document(map)?;
        let name = map.metadata.name.as_deref()?.strip_suffix(DEFAULTS_SUFFIX)?;
        Some(Self { namespace: map.metadata.namespace.clone()?, name: name.to_owned() })
    }
}

/// Returns the text of `defaults.yaml` in a `ConfigMap`.
pub(crate) fn defaults_document(map: &ConfigMap) -> Option<&str> {
    map.data.as_ref()?.get(DEFAULTS_KEY).map(String::as_str)
}

/// Finds releases by their `ConfigMap`s with `defaults.yaml` in a namespace.
///
/// # Errors
///
/// Returns an error if the `ConfigMap`s cannot be listed.
pub(crate) async fn find_by_defaults(client: &Client, namespace: &str) -> Result<Vec<Release>, CliError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let subject = format!("the ConfigMaps of the namespace {namespace}");
    let list = with_timeout(&subject, api.list(&ListParams::default().labels(SELECTOR))).await?;
    Ok(list.items.iter().filter_map(Release::of_config_map).collect())
}

/// Returns the entries of Rolebridge in a configuration.
pub(crate) fn entries(
    configuration: &MutatingWebhookConfiguration,
) -> impl Iterator<Item = &MutatingWebhook> {
    configuration.webhooks.iter().flatten().filter(|entry| is_own_entry(&entry.name))
}

/// Returns true for the name of an entry of Rolebridge.
pub(crate) fn is_own_entry(name: &str) -> bool {
    name.ends_with(ENTRY_SUFFIX)
}

/// Returns the searched part of the cluster, for messages.
pub(crate) fn scope(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "the cluster".to_owned(), |namespace| format!("the namespace {namespace}"))
}
