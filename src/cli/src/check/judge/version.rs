//! Whether every replica is of one version, and of that of the chart.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;

use crate::check::finding::{Check, Finding, Severity};
use crate::check::picture::{Picture, version};
use crate::image;

pub(super) fn judge(picture: &Picture) -> Vec<Finding> {
    // That they could not be read, or are not there, has been said.
    let (Ok(Some(deployment)), Ok(pods)) = (&picture.deployment, &picture.replicas) else {
        return Vec::new();
    };
    let mut images: BTreeMap<&str, usize> = BTreeMap::new();
    for image in pods.iter().filter_map(image) {
        *images.entry(image).or_default() += 1;
    }
    let object = picture.release.object("Deployment");
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
                picture.release.namespace,
                picture.release.name
            ),
        );
    }
    if let Some((name, other)) = older_configuration(picture, chart) {
        return say(
            Severity::Warning,
            format!(
                "It is of the chart's version {chart}, the MutatingWebhookConfiguration {name} of {other}: an upgrade \
                 stopped halfway. `helm upgrade` again makes them one."
            ),
        );
    }
    let Some((image, _)) = images.first_key_value() else { return Vec::new() };
    match image::tag(image) {
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

fn older_configuration<'a>(picture: &'a Picture, chart: &str) -> Option<(&'a str, &'a str)> {
    let configurations = picture.configurations.iter().flatten();
    let mut versions =
        configurations.map(|one| (one.metadata.name.as_deref().unwrap_or_default(), version(&one.metadata)));
    versions.find(|(_, version)| *version != chart)
}

fn image(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.containers.iter().find(|container| container.name == "webhook")?.image.as_deref()
}
