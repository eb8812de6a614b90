//! Finds the installed release: by the Service that its webhook configurations name, else by its ConfigMap.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::cluster::chart_names::{Release, SELECTOR, find_releases};
use crate::cluster::with_timeout;
use crate::commands::check::snapshot::entries;
use crate::error::{CliError, ReadResult};

/// Lists the configurations with an entry of Rolebridge, for a release in `namespace` if it is set.
pub(crate) async fn list_configurations(
    client: &Client,
    namespace: Option<&str>,
) -> ReadResult<Vec<MutatingWebhookConfiguration>> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let params = ListParams::default().labels(SELECTOR);
    let list = with_timeout("the MutatingWebhookConfigurations", api.list(&params)).await;
    let is_selected = |configuration: &MutatingWebhookConfiguration| {
        let mut services = entries(configuration).map(|entry| entry.client_config.service.as_ref());
        services.any(|service| {
            namespace.is_none_or(|namespace| service.is_none_or(|service| service.namespace == namespace))
        })
    };
    let mut configurations = list.map_err(CliError::into_message)?.items;
    configurations.retain(is_selected);
    Ok(configurations)
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
    let mut releases: Vec<_> = configurations.iter().flatten().flat_map(called_releases).collect();
    releases.sort();
    releases.dedup();
    if releases.is_empty() {
        releases = match (find_by_defaults(client, namespace).await, configurations) {
            (Err(error), Err(message)) => {
                return Err(CliError::Cluster(format!("{message}; {}", error.into_message())));
            }
            (Ok(found), Err(message)) if found.is_empty() => {
                return Err(CliError::Cluster(message.clone()));
            }
            (found, _) => found?,
        };
    }
    if releases.len() > 1 {
        let names: Vec<_> = releases.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        return Err(CliError::AmbiguousRelease(names.join(", ")));
    }
    Ok(releases.pop())
}

/// Returns the releases that a configuration's entries call.
fn called_releases(configuration: &MutatingWebhookConfiguration) -> impl Iterator<Item = Release> {
    let services = entries(configuration).filter_map(|entry| entry.client_config.service.as_ref());
    services.map(|service| Release { namespace: service.namespace.clone(), name: service.name.clone() })
}

async fn find_by_defaults(client: &Client, namespace: Option<&str>) -> Result<Vec<Release>, CliError> {
    let hint = match namespace {
        Some(_) => "",
        None => " (--release-namespace limits the search to one namespace)",
    };
    let releases = find_releases(client, namespace, hint).await?;
    Ok(releases.into_iter().map(|(release, _)| release).collect())
}
