//! Releases of the chart, recognized by labels and names whatever installed them (Helm or kubectl).

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::cluster::with_timeout;
use crate::error::CliError;

/// A label selector that matches every object of the chart, and objects of other charts.
pub(crate) const SELECTOR: &str = "app.kubernetes.io/component=webhook";
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

/// Finds releases by their `ConfigMap`s with `defaults.yaml`, in one namespace or in all.
///
/// `hint` is appended to the error's subject: an option that avoids the request.
///
/// # Errors
///
/// Returns an error if the `ConfigMap`s cannot be listed.
pub(crate) async fn find_releases(
    client: &Client,
    namespace: Option<&str>,
    hint: &str,
) -> Result<Vec<(Release, ConfigMap)>, CliError> {
    let api: Api<ConfigMap> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let subject = format!("the ConfigMaps of {}{hint}", scope(namespace));
    let list = with_timeout(&subject, api.list(&ListParams::default().labels(SELECTOR))).await?;
    let release = |map: ConfigMap| Some((Release::of_config_map(&map)?, map));
    Ok(list.items.into_iter().filter_map(release).collect())
}

/// Returns the searched part of the cluster, for messages.
pub(crate) fn scope(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "the cluster".to_owned(), |namespace| format!("the namespace {namespace}"))
}
