//! The state of an installation, as the rules evaluate it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ObjectMeta;
use rolebridge_inject::Defaults;
use rustls::pki_types::CertificateDer;

use crate::cluster::chart_names::{Release, entries};
use crate::cluster::scope::Scope;
use crate::commands::check::dry_run::DryRunResult;
use crate::error::ReadResult;

/// The state of an installation.
#[derive(Debug)]
pub(crate) struct InstallationSnapshot {
    pub(crate) release: Release,
    /// The configurations with an entry of Rolebridge.
    pub(crate) configurations: ReadResult<Vec<MutatingWebhookConfiguration>>,
    /// The configurations of other releases.
    pub(crate) other_configurations: Vec<MutatingWebhookConfiguration>,
    pub(crate) service: ReadResult<Option<Service>>,
    pub(crate) deployment: ReadResult<Option<Deployment>>,
    pub(crate) replicas: ReadResult<Vec<Pod>>,
    pub(crate) defaults: ReadResult<Option<Result<Defaults, String>>>,
    /// The name and the served certificate chain of each running replica.
    pub(crate) served: Vec<(String, ReadResult<Vec<CertificateDer<'static>>>)>,
    /// The labels of the dry run's namespace; empty if they could not be read.
    pub(crate) dry_run_labels: BTreeMap<String, String>,
    /// The namespace and the result of the dry run.
    pub(crate) dry_run: (String, ReadResult<DryRunResult>),
    pub(crate) now: Timestamp,
}

impl InstallationSnapshot {
    /// Returns the name and version of the installation.
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

    /// Returns the namespaces and pods of the release and of others.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(self.configurations.as_deref().unwrap_or_default(), &self.other_configurations)
    }

    /// Returns the entries of Rolebridge in all configurations that could be read.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &MutatingWebhook> {
        self.configurations.iter().flatten().flat_map(entries)
    }
}

/// Returns the chart's appVersion from an object's labels.
pub(crate) fn version(metadata: &ObjectMeta) -> &str {
    let labels = metadata.labels.as_ref();
    labels.and_then(|labels| labels.get("app.kubernetes.io/version")).map_or("(none)", String::as_str)
}
