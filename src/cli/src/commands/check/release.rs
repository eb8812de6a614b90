//! Which release of the chart there is: by the webhook configurations, which name its Service, else by its ConfigMap.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ListParams};

use crate::cluster::{chart_names, with_timeout};
use crate::commands::check::snapshot::{ReadResult, Release, entries};
use crate::error::CliError;

/// The configurations with an entry of ours, by a release in this namespace if one is named.
pub(crate) async fn configurations(
    client: &Client,
    namespace: Option<&str>,
) -> ReadResult<Vec<MutatingWebhookConfiguration>> {
    let api: Api<MutatingWebhookConfiguration> = Api::all(client.clone());
    let params = ListParams::default().labels(chart_names::SELECTOR);
    let list = with_timeout("the MutatingWebhookConfigurations", api.list(&params)).await;
    let is_wanted = |configuration: &MutatingWebhookConfiguration| {
        let mut services = entries(configuration).map(|entry| entry.client_config.service.as_ref());
        services.any(|service| {
            namespace.is_none_or(|wanted| service.is_none_or(|service| service.namespace == wanted))
        })
    };
    let mut found = list.map_err(CliError::into_message)?.items;
    found.retain(is_wanted);
    Ok(found)
}

/// The release; `None` where there is none.
///
/// # Errors
///
/// There are several, or none can be told since nothing may be read.
pub(crate) async fn find(
    client: &Client,
    configurations: &ReadResult<Vec<MutatingWebhookConfiguration>>,
    namespace: Option<&str>,
) -> Result<Option<Release>, CliError> {
    let mut found: Vec<_> = configurations.iter().flatten().flat_map(called).collect();
    found.sort();
    found.dedup();
    if found.is_empty() {
        found = match (by_defaults(client, namespace).await, configurations) {
            (Err(failure), Err(why)) => {
                return Err(CliError::Cluster(format!("{why}; {}", failure.into_message())));
            }
            (Ok(found), Err(why)) if found.is_empty() => return Err(CliError::Cluster(why.clone())),
            (found, _) => found?,
        };
    }
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        return Err(CliError::AmbiguousRelease(names.join(", ")));
    }
    Ok(found.pop())
}

/// The services that a configuration's entries call.
fn called(configuration: &MutatingWebhookConfiguration) -> impl Iterator<Item = Release> {
    let services = entries(configuration).filter_map(|entry| entry.client_config.service.as_ref());
    services.map(|service| Release { namespace: service.namespace.clone(), name: service.name.clone() })
}

async fn by_defaults(client: &Client, namespace: Option<&str>) -> Result<Vec<Release>, CliError> {
    let (api, place): (Api<ConfigMap>, _) = match namespace {
        Some(namespace) => (Api::namespaced(client.clone(), namespace), format!("the namespace {namespace}")),
        None => (
            Api::all(client.clone()),
            "the cluster (--release-namespace asks in one namespace alone)".to_owned(),
        ),
    };
    let what = format!("the ConfigMaps of {place}");
    let list = with_timeout(&what, api.list(&ListParams::default().labels(chart_names::SELECTOR))).await?;
    let release = |map: &ConfigMap| {
        let name = chart_names::release_of(map)?.to_owned();
        Some(Release { namespace: map.metadata.namespace.clone()?, name })
    };
    Ok(list.items.iter().filter_map(release).collect())
}
