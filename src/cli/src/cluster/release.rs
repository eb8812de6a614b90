//! Finds the installed releases: by the Services that their webhook configurations name.
//!
//! Only administrators can write these configurations. Objects of a namespace are not searched, because a tenant can give one
//! of its own the chart's labels and names, unless the user names the namespace.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::cluster::chart_names::{Release, SELECTOR, entries, find_by_defaults};
use crate::cluster::with_timeout;
use crate::error::{CliError, ReadResult};

/// The option that avoids the request, for messages.
const HINT: &str = "--release-namespace NAMESPACE names the release instead";

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
