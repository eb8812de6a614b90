//! Finds the installed release: by the Service that its webhook configurations name.
//!
//! Only administrators can write these configurations. Objects of a namespace are not searched, because a tenant can give one
//! of its own the chart's labels and names, unless the user names the namespace.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ListParams};
use rolebridge_inject::Defaults;

use crate::cluster::chart_names::{Release, SELECTOR, defaults_document, entries, find_by_defaults, scope};
use crate::cluster::with_timeout;
use crate::error::{CliError, ReadResult};

/// The option that avoids the request, for messages.
const HINT: &str = "--release-namespace NAMESPACE names the release instead";

/// Lists the configurations with an entry of Rolebridge, for a release in `namespace` if it is set.
pub(crate) async fn list_configurations(
    client: &Client,
    namespace: Option<&str>,
) -> ReadResult<Vec<MutatingWebhookConfiguration>> {
    Ok(partition(list_all_configurations(client).await?, namespace).0)
}

/// Lists the configurations of every release.
pub(crate) async fn list_all_configurations(
    client: &Client,
) -> ReadResult<Vec<MutatingWebhookConfiguration>> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let params = ListParams::default().labels(SELECTOR);
    let list = with_timeout("the MutatingWebhookConfigurations", api.list(&params)).await;
    let mut configurations = list.map_err(CliError::into_message)?.items;
    configurations.retain(|configuration| entries(configuration).next().is_some());
    Ok(configurations)
}

/// Separates the configurations of a release in `namespace` from others. If it is not set, none is another one's.
pub(crate) fn partition(
    configurations: Vec<MutatingWebhookConfiguration>,
    namespace: Option<&str>,
) -> (Vec<MutatingWebhookConfiguration>, Vec<MutatingWebhookConfiguration>) {
    configurations.into_iter().partition(|configuration| {
        let mut services = entries(configuration).map(|entry| entry.client_config.service.as_ref());
        services.any(|service| {
            namespace.is_none_or(|namespace| service.is_none_or(|service| service.namespace == namespace))
        })
    })
}

/// Separates the configurations that call a release from others.
pub(crate) fn partition_by_release(
    configurations: Vec<MutatingWebhookConfiguration>,
    release: &Release,
) -> (Vec<MutatingWebhookConfiguration>, Vec<MutatingWebhookConfiguration>) {
    configurations
        .into_iter()
        .partition(|configuration| called_releases(configuration).any(|one| one == *release))
}

/// Finds the release. Returns `None` if the chart is not installed.
///
/// # Errors
///
/// Returns an error if there are several releases, or if no release is found and a request failed.
pub(crate) async fn find(
    client: &Client,
    configurations: &ReadResult<Vec<MutatingWebhookConfiguration>>,
    namespace: Option<&str>,
) -> Result<Option<Release>, CliError> {
    let mut releases = find_all(client, configurations, namespace).await?;
    if releases.len() > 1 {
        let names: Vec<_> = releases.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        return Err(CliError::AmbiguousRelease(names.join(", ")));
    }
    Ok(releases.pop())
}

/// Finds all releases, or those in a namespace.
///
/// Without a configuration, a release is found in the namespace that the user names, by its `ConfigMap`.
///
/// # Errors
///
/// Returns an error if no release is found and a request failed.
pub(crate) async fn find_all(
    client: &Client,
    configurations: &ReadResult<Vec<MutatingWebhookConfiguration>>,
    namespace: Option<&str>,
) -> Result<Vec<Release>, CliError> {
    let mut releases: Vec<_> = configurations.iter().flatten().flat_map(called_releases).collect();
    releases.sort();
    releases.dedup();
    if !releases.is_empty() {
        return Ok(releases);
    }
    match (namespace, configurations) {
        (Some(namespace), Ok(_)) => find_by_defaults(client, namespace).await,
        (Some(namespace), Err(message)) => match find_by_defaults(client, namespace).await {
            Ok(found) if found.is_empty() => Err(CliError::Cluster(message.clone())),
            Ok(found) => Ok(found),
            Err(error) => Err(CliError::Cluster(format!("{message}; {}", error.into_message()))),
        },
        (None, Ok(_)) => Ok(Vec::new()),
        (None, Err(message)) => Err(CliError::Cluster(format!("{message} ({HINT})"))),
    }
}

/// Returns the releases that a configuration's entries call.
fn called_releases(configuration: &MutatingWebhookConfiguration) -> impl Iterator<Item = Release> {
    let services = entries(configuration).filter_map(|entry| entry.client_config.service.as_ref());
    services.map(|service| Release { namespace: service.namespace.clone(), name: service.name.clone() })
}

/// Fetches the defaults of the installed release.
///
/// # Errors
///
/// Returns an error if there is not exactly one release, or if its defaults are absent or invalid.
pub(crate) async fn fetch_defaults(client: &Client, namespace: Option<&str>) -> Result<Defaults, CliError> {
    let configurations = list_configurations(client, namespace).await;
    let Some(release) = find(client, &configurations, namespace).await? else {
        return Err(CliError::NoRelease { scope: scope(namespace) });
    };
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &release.namespace);
    let name = release.defaults_name();
    let subject = format!("ConfigMap/{name} in the namespace {}", release.namespace);
    let map = with_timeout(&subject, api.get(&name)).await?;
    let invalid = |message: String| CliError::Cluster(format!("{subject}: {message}"));
    let text =
        defaults_document(&map).ok_or_else(|| invalid("the key defaults.yaml is missing".to_owned()))?;
    Defaults::from_yaml(text).map_err(|error| invalid(error.to_string()))
}
