//! The versions of the replicas, the chart and the webhook configurations, which should all be the same.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, version};
use crate::image_ref;
use crate::output::quote::shell;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    // The rule for replicas reports read errors and a missing Deployment.
    let (Ok(Some(deployment)), Ok(pods)) = (&snapshot.deployment, &snapshot.replicas) else {
        return Vec::new();
    };
    let mut images: BTreeMap<&str, usize> = BTreeMap::new();
    for image in pods.iter().filter_map(image) {
        *images.entry(image).or_default() += 1;
    }
    let object = snapshot.release.object("Deployment");
    let finding = |severity, message| vec![Finding::new(Check::Version, severity, &*object, message)];
    let chart_version = version(&deployment.metadata);
    if images.len() > 1 {
        let images: Vec<_> = images.iter().map(|(image, count)| format!("{count} × {image}")).collect();
        return finding(
            Severity::Warning,
            format!(
                "Its replicas have different images: {}. A rollout is in progress or stuck. To find out, run `kubectl \
                 --namespace {} rollout status deployment/{}`.",
                images.join(", "),
                shell(&snapshot.release.namespace),
                shell(&snapshot.release.name)
            ),
        );
    }
    if let Some((name, other_version)) = configuration_of_other_version(snapshot, chart_version) {
        return finding(
            Severity::Warning,
            format!(
                "Its chart version is {chart_version}, but that of the MutatingWebhookConfiguration {name} is \
                 {other_version}: an upgrade stopped halfway. Fix: run `helm upgrade` again."
            ),
        );
    }
    let Some((image, _)) = images.first_key_value() else { return Vec::new() };
    match image_ref::tag(image) {
        Some(tag) if tag != chart_version => finding(
            Severity::Warning,
            format!(
                "Its replicas run {image}, but the chart version is {chart_version}. A release has the same version in both. Fix: \
                 leave webhook.image.tag empty."
            ),
        ),
        _ => finding(
            Severity::Ok,
            format!("Every replica runs {image}, the version of the chart {chart_version}."),
        ),
    }
}

fn configuration_of_other_version<'a>(
    snapshot: &'a InstallationSnapshot,
    chart_version: &str,
) -> Option<(&'a str, &'a str)> {
    let configurations = snapshot.configurations.iter().flatten();
    let mut versions =
        configurations.map(|one| (one.metadata.name.as_deref().unwrap_or_default(), version(&one.metadata)));
    versions.find(|(_, version)| *version != chart_version)
}

fn image(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.containers.iter().find(|container| container.name == "webhook")?.image.as_deref()
}
