//! Reads an installation. What may not be read is no end: it is said, and the rest is read.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::Client;
use kube::api::{Api, ListParams};
use rolebridge_inject::Defaults;

use crate::cluster::{chart_names, with_timeout};
use crate::commands::check::progress::Progress;
use crate::commands::check::snapshot::{InstallationSnapshot, ReadResult, Release};
use crate::commands::check::{dry_run, serving_cert};
use crate::error::CliError;

/// Everything about a release, and a pod tried in a namespace.
pub(crate) async fn snapshot(
    client: &Client,
    release: Release,
    configurations: ReadResult<Vec<MutatingWebhookConfiguration>>,
    namespace: &str,
    progress: &Progress,
) -> InstallationSnapshot {
    progress.say(format!("the release {} in {}", release.name, release.namespace));
    let service = object::<Service>(client, &release, &release.name, "Service").await;
    let deployment = object::<Deployment>(client, &release, &release.name, "Deployment").await;
    let replicas = match &deployment {
        Ok(Some(deployment)) => replicas(client, &release, deployment).await,
        _ => Ok(Vec::new()),
    };
    let defaults = defaults(client, &release).await;
    progress.say("the certificates that the replicas serve");
    let mut served = Vec::new();
    for pod in replicas.iter().flatten().filter(|pod| runs(pod)) {
        let name = pod.metadata.name.clone().unwrap_or_default();
        served.push((name, serving_cert::served(client, &release, pod).await));
    }
    progress.say(format!("a trial pod in {namespace}, a dry run"));
    let trial = (namespace.to_owned(), dry_run::dry_run(client, namespace).await);
    let now = Timestamp::now();
    InstallationSnapshot {
        release,
        configurations,
        service,
        deployment,
        replicas,
        defaults,
        served,
        trial,
        now,
    }
}

async fn object<K>(client: &Client, release: &Release, name: &str, kind: &str) -> ReadResult<Option<K>>
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), &release.namespace);
    let what = format!("the {kind} {name} in the namespace {}", release.namespace);
    with_timeout(&what, api.get_opt(name)).await.map_err(CliError::into_message)
}

async fn replicas(client: &Client, release: &Release, deployment: &Deployment) -> ReadResult<Vec<Pod>> {
    let labels = deployment.spec.iter().flat_map(|spec| spec.selector.match_labels.iter().flatten());
    let labels: Vec<_> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    let api: Api<Pod> = Api::namespaced(client.clone(), &release.namespace);
    let what = format!("the pods of the namespace {}", release.namespace);
    let list = with_timeout(&what, api.list(&ListParams::default().labels(&labels.join(",")))).await;
    let mut pods = list.map_err(CliError::into_message)?.items;
    pods.retain(|pod| pod.metadata.deletion_timestamp.is_none());
    Ok(pods)
}

fn runs(pod: &Pod) -> bool {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
}

async fn defaults(client: &Client, release: &Release) -> ReadResult<Option<Result<Defaults, String>>> {
    let name = chart_names::map_of_defaults(&release.name);
    let Some(map) = object::<ConfigMap>(client, release, &name, "ConfigMap").await? else { return Ok(None) };
    let text = chart_names::document(&map).ok_or_else(|| "it has no key defaults.yaml".to_owned());
    Ok(Some(text.and_then(|text| Defaults::from_yaml(text).map_err(|error| error.to_string()))))
}
