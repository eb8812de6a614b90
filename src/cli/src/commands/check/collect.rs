//! Collects the state of an installation. Read errors are recorded and do not stop the collection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Service};
use kube::Client;
use kube::api::{Api, ListParams};
use rolebridge_inject::Defaults;

use crate::cluster::chart_names::{POD_ENTRY, Release, defaults_document, entries};
use crate::cluster::pod::{name, phase};
use crate::cluster::with_timeout;
use crate::commands::check::progress::Progress;
use crate::commands::check::snapshot::InstallationSnapshot;
use crate::commands::check::{dry_run, serving_cert};
use crate::error::{CliError, ReadResult};

/// Collects the state of a release, and makes a dry run in a namespace.
pub(crate) async fn collect(
    client: &Client,
    release: Release,
    (configurations, other_configurations): (
        ReadResult<Vec<MutatingWebhookConfiguration>>,
        Vec<MutatingWebhookConfiguration>,
    ),
    namespace: &str,
    progress: &Progress,
) -> InstallationSnapshot {
    progress.show(format!("the release {} in {}", release.name, release.namespace));
    let service = get::<Service>(client, &release, &release.name, "Service").await;
    let deployment = get::<Deployment>(client, &release, &release.name, "Deployment").await;
    let replicas = match &deployment {
        Ok(Some(deployment)) => replicas(client, &release, deployment).await,
        _ => Ok(Vec::new()),
    };
    let defaults = defaults(client, &release).await;
    progress.show("the serving certificates of the replicas");
    let mut served = Vec::new();
    for pod in replicas.iter().flatten().filter(|pod| phase(pod) == "Running") {
        served.push((name(pod).to_owned(), serving_cert::fetch(client, &release, pod).await));
    }
    progress.show(format!("a dry run of a pod in {namespace}"));
    let own = configurations.iter().flatten().flat_map(entries).filter(|entry| entry.name == POD_ENTRY);
    let selectors = own.filter_map(|entry| entry.object_selector.as_ref());
    let dry_run = (namespace.to_owned(), dry_run::dry_run(client, namespace, selectors).await);
    let dry_run_labels = namespace_labels(client, namespace).await;
    let now = Timestamp::now();
    InstallationSnapshot {
        release,
        configurations,
        other_configurations,
        service,
        deployment,
        replicas,
        defaults,
        served,
        dry_run_labels,
        dry_run,
        now,
    }
}

/// Returns the labels of a namespace. Without them, its name decides whether the configurations select it.
async fn namespace_labels(client: &Client, namespace: &str) -> BTreeMap<String, String> {
    let api: Api<Namespace> = Api::all(client.clone());
    let metadata = with_timeout(&format!("the namespace {namespace}"), api.get_metadata(namespace)).await;
    metadata.ok().and_then(|namespace| namespace.metadata.labels).unwrap_or_default()
}

async fn get<K>(client: &Client, release: &Release, name: &str, kind: &str) -> ReadResult<Option<K>>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &release.namespace);
    let subject = format!("the {kind} {name} in the namespace {}", release.namespace);
    with_timeout(&subject, api.get_opt(name)).await.map_err(CliError::into_message)
}

async fn replicas(client: &Client, release: &Release, deployment: &Deployment) -> ReadResult<Vec<Pod>> {
    let labels = deployment.spec.iter().flat_map(|spec| spec.selector.match_labels.iter().flatten());
    let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    let api: Api<Pod> = Api::namespaced(client.clone(), &release.namespace);
    let subject = format!("the pods of the namespace {}", release.namespace);
    let list = with_timeout(&subject, api.list(&ListParams::default().labels(&labels.join(",")))).await;
    let mut pods = list.map_err(CliError::into_message)?.items;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(pods)
}

async fn defaults(client: &Client, release: &Release) -> ReadResult<Option<Result<Defaults, String>>> {
    let Some(map) = get::<ConfigMap>(client, release, &release.defaults_name(), "ConfigMap").await? else {
        return Ok(None);
    };
    let text = defaults_document(&map).ok_or_else(|| "the key defaults.yaml is missing".to_owned());
    Ok(Some(text.and_then(|text| Defaults::from_yaml(text).map_err(|error| error.to_string()))))
}
