//! Whether every replica is of one version, and of that of the chart.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, version};
use crate::image_ref;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    // That they could not be read, or are not there, has been said.
    let (Ok(Some(deployment)), Ok(pods)) = (&snapshot.deployment, &snapshot.replicas) else {
        return Vec::new();
    };
    let mut images: BTreeMap<&str, usize> = BTreeMap::new();
    for image in pods.iter().filter_map(image) {
        *images.entry(image).or_default() += 1;
    }
    let object = snapshot.release.object("Deployment");
    let say = |severity, message| vec![Finding::new(Check::Version, severity, &*object, message)];
    let chart = version(&deployment.metadata);
    if images.len() > 1 {
        let images: Vec<_> = images.iter().map(|(image, count)| format!("{count} × {image}")).collect();
        return say(
            Severity::Warning,
            format!(
                "Its replicas differ: {}. A rollout is under way, or stuck: `kubectl --namespace {} rollout status \
                 deployment/{}` tells which.",
                images.join(", "),
                snapshot.release.namespace,
                snapshot.release.name
            ),
        );
    }
    if let Some((name, other)) = older_configuration(snapshot, chart) {
        return say(
            Severity::Warning,
            format!(
                "It is of the chart's version {chart}, the MutatingWebhookConfiguration {name} of {other}: an upgrade \
                 stopped halfway. `helm upgrade` again makes them one."
            ),
        );
    }
    let Some((image, _)) = images.first_key_value() else { return Vec::new() };
    match image_ref::tag(image) {
        Some(tag) if tag != chart => say(
            Severity::Warning,
            format!(
                "Its replicas run {image}, and the chart is of the version {chart}. They are made for each other: \
                 webhook.image.tag is best left empty."
            ),
        ),
        _ => say(Severity::Ok, format!("Every replica runs {image}, as the chart {chart} has it.")),
    }
}

fn older_configuration<'a>(snapshot: &'a InstallationSnapshot, chart: &str) -> Option<(&'a str, &'a str)> {
    let configurations = snapshot.configurations.iter().flatten();
    let mut versions =
        configurations.map(|one| (one.metadata.name.as_deref().unwrap_or_default(), version(&one.metadata)));
    versions.find(|(_, version)| *version != chart)
}

fn image(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.containers.iter().find(|container| container.name == "webhook")?.image.as_deref()
}
