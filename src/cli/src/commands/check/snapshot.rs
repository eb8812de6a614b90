//! What was read of an installation, before anybody judges it.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ObjectMeta;
use rolebridge_inject::Defaults;
use rustls::pki_types::CertificateDer;

use crate::commands::check::dry_run::DryRunResult;

/// What was read; else why it could not be.
pub(crate) type ReadResult<T> = Result<T, String>;

/// What every object of a release is called, or begins with, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Release {
    /// `Deployment/rolebridge-system/rolebridge`.
    pub(crate) fn object(&self, kind: &str) -> String {
        format!("{kind}/{}/{}", self.namespace, self.name)
    }

    /// The name that an API server demands of a replica's certificate.
    pub(crate) fn server_name(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }
}

/// An installation.
#[derive(Debug)]
pub(crate) struct InstallationSnapshot {
    pub(crate) release: Release,
    /// Those with an entry of ours.
    pub(crate) configurations: ReadResult<Vec<MutatingWebhookConfiguration>>,
    pub(crate) service: ReadResult<Option<Service>>,
    pub(crate) deployment: ReadResult<Option<Deployment>>,
    pub(crate) replicas: ReadResult<Vec<Pod>>,
    pub(crate) defaults: ReadResult<Option<Result<Defaults, String>>>,
    /// Of each replica that runs: its name, and the chain that it serves.
    pub(crate) served: Vec<(String, ReadResult<Vec<CertificateDer<'static>>>)>,
    /// In which namespace a pod was tried, and what the API server said.
    pub(crate) trial: (String, ReadResult<DryRunResult>),
    pub(crate) now: Timestamp,
}

impl InstallationSnapshot {
    /// What was looked at.
    pub(crate) fn title(&self) -> String {
        let deployment = self.deployment.as_ref().ok().and_then(Option::as_ref);
        let version = deployment.map(|deployment| format!(" {}", version(&deployment.metadata)));
        format!(
            "Rolebridge{}, the release {} in {}",
            version.unwrap_or_default(),
            self.release.name,
            self.release.namespace
        )
    }
}

/// The chart's appVersion, that its objects carry.
pub(crate) fn version(metadata: &ObjectMeta) -> &str {
    let labels = metadata.labels.as_ref();
    labels.and_then(|labels| labels.get("app.kubernetes.io/version")).map_or("(none)", String::as_str)
}

/// What every entry of ours ends with.
const OURS: &str = ".rolebridge.io";
/// The entry for pods that say it themselves.
pub(crate) const PODS: &str = "pods.rolebridge.io";
/// The entry for pods whose namespace says it.
pub(crate) const NAMESPACES: &str = "namespaces.rolebridge.io";

/// The entries of a configuration that are ours.
pub(crate) fn entries(
    configuration: &MutatingWebhookConfiguration,
) -> impl Iterator<Item = &MutatingWebhook> {
    configuration.webhooks.iter().flatten().filter(|entry| is_ours(&entry.name))
}

/// Whether an entry of this name is ours.
pub(crate) fn is_ours(name: &str) -> bool {
    name.ends_with(OURS)
}

/// The namespaces that the configurations leave out.
pub(crate) fn excluded(configurations: &[MutatingWebhookConfiguration]) -> Vec<String> {
    let entry = configurations.iter().flat_map(entries).find(|entry| entry.name == PODS);
    let selector = entry.and_then(|entry| entry.namespace_selector.as_ref());
    let expressions = selector.and_then(|selector| selector.match_expressions.as_ref());
    let by_name = expressions.into_iter().flatten().filter(|expression| {
        expression.key == "kubernetes.io/metadata.name" && expression.operator == "NotIn"
    });
    by_name.flat_map(|expression| expression.values.clone().unwrap_or_default()).collect()
}
