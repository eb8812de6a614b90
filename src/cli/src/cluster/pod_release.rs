//! Finds the release that API servers call for a pod, and reads its defaults.

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use rolebridge_inject::Defaults;

use crate::cluster::chart_names::{POD_ENTRY, Release, defaults_document, entries, scope};
use crate::cluster::release::{find_all, list_all_configurations, partition, partition_by_release};
use crate::cluster::scope::{Labels, Membership, Scope, has_additional_conditions};
use crate::cluster::with_timeout;
use crate::error::CliError;

/// The facts about a pod that the selectors of webhook configurations match.
#[derive(Debug)]
pub(crate) struct PodLabels<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) namespace_labels: Labels,
    pub(crate) labels: Labels,
}

/// The defaults of the release for a pod.
#[derive(Debug)]
pub(crate) struct ReleaseDefaults {
    pub(crate) defaults: Defaults,
    /// The sentence that API servers do not call the release for the pod, if its selectors exclude the pod.
    pub(crate) not_selected: Option<String>,
}

/// Fetches the defaults of the release that selects a pod, or of the only one.
///
/// # Errors
///
/// Returns an error if there is no such release, if several select the pod, or if the defaults are absent or invalid.
pub(crate) async fn fetch_defaults(
    client: &Client,
    release_namespace: Option<&str>,
    pod: &PodLabels<'_>,
) -> Result<ReleaseDefaults, CliError> {
    let configurations = list_all_configurations(client).await.map(|all| partition(all, release_namespace).0);
    let releases = find_all(client, &configurations, release_namespace).await?;
    if releases.is_empty() {
        return Err(CliError::NoRelease { scope: scope(release_namespace) });
    }
    let (release, not_selected) = select(releases, &configurations.unwrap_or_default(), pod)?;
    Ok(ReleaseDefaults { defaults: read_defaults(client, &release).await?, not_selected })
}

/// Selects the release for a pod as an API server does, except for the match conditions.
///
/// An only release is returned even if it does not select the pod, with a sentence about that.
fn select(
    mut releases: Vec<Release>,
    configurations: &[MutatingWebhookConfiguration],
    pod: &PodLabels<'_>,
) -> Result<(Release, Option<String>), CliError> {
    let of = |release: &Release| partition_by_release(configurations.to_vec(), release).0;
    let selects = |release: &&Release| {
        let scope = Scope::new(&of(release), &[]);
        scope.pod_membership(pod.namespace, &pod.namespace_labels, &pod.labels) == Membership::Own
    };
    let names = |releases: &[Release]| {
        let names: Vec<_> = releases.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
        names.join(", ")
    };
    let mut selecting: Vec<_> = releases.iter().filter(selects).cloned().collect();
    match (selecting.pop(), selecting.is_empty(), releases.len()) {
        (Some(release), true, _) => Ok((release, None)),
        (Some(release), false, _) => {
            selecting.push(release);
            let mut entries = configurations.iter().flat_map(entries).filter(|entry| entry.name == POD_ENTRY);
            let has_conditions = entries.any(has_additional_conditions);
            Err(CliError::AmbiguousRelease { releases: names(&selecting), has_conditions })
        }
        (None, _, 1) => {
            let message = not_selected(&names(&releases), pod);
            Ok((releases.remove(0), Some(message)))
        }
        (None, _, _) => Err(CliError::NotSelected(not_selected(&names(&releases), pod))),
    }
}

/// Returns a sentence about releases that do not select a pod.
fn not_selected(releases: &str, pod: &PodLabels<'_>) -> String {
    format!(
        "API servers do not call Rolebridge for the pod: no webhook configuration of {releases} selects it in the namespace {} \
         (admission.excludedNamespaces, admission.namespaceSelector, admission.objectSelector, or the webhook's own).",
        pod.namespace
    )
}

async fn read_defaults(client: &Client, release: &Release) -> Result<Defaults, CliError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), &release.namespace);
    let name = release.defaults_name();
    let subject = format!("ConfigMap/{name} in the namespace {}", release.namespace);
    let map = with_timeout(&subject, api.get(&name)).await?;
    let invalid = |message: String| CliError::Cluster(format!("{subject}: {message}"));
    let text =
        defaults_document(&map).ok_or_else(|| invalid("the key defaults.yaml is missing".to_owned()))?;
    Defaults::from_yaml(text).map_err(|error| invalid(error.to_string()))
}
