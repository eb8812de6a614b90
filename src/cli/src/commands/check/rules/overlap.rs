//! Other releases with entries that match the same pods.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::cluster::chart_names::{NAMESPACE_ENTRY, POD_ENTRY, entries};
use crate::cluster::scope::has_additional_conditions;
use crate::commands::check::common_labels::{ExampleValue, common_labels};
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::InstallationSnapshot;

/// Returns a finding for each other configuration that matches pods of this release.
pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let own: Vec<_> = snapshot.entries().collect();
    let findings = snapshot.other_configurations.iter().filter_map(|other| overlap(&own, other));
    findings
        .map(|(severity, message)| {
            let object = format!("MutatingWebhookConfiguration/{}", snapshot.release.name);
            Finding::new(Check::Configuration, severity, object, message)
        })
        .collect()
}

fn overlap(own: &[&MutatingWebhook], other: &MutatingWebhookConfiguration) -> Option<(Severity, String)> {
    [POD_ENTRY, NAMESPACE_ENTRY].iter().find_map(|name| {
        let first = own.iter().find(|entry| entry.name == *name)?;
        let second = entries(other).find(|entry| entry.name == *name)?;
        let namespaces = common(first, second, |entry| entry.namespace_selector.as_ref())?;
        let pods = common(first, second, |entry| entry.object_selector.as_ref())?;
        Some(describe(name, other, (namespaces, pods), [first, second].map(has_additional_conditions)))
    })
}

type Labels<'a> = BTreeMap<&'a str, ExampleValue<'a>>;

/// Returns labels that a selector of both entries matches. A missing selector matches everything.
fn common<'a>(
    first: &'a MutatingWebhook,
    second: &'a MutatingWebhook,
    selector: impl Fn(&'a MutatingWebhook) -> Option<&'a LabelSelector>,
) -> Option<Labels<'a>> {
    common_labels([first, second].into_iter().filter_map(selector))
}

fn describe(
    entry: &str,
    other: &MutatingWebhookConfiguration,
    (namespaces, pods): (Labels<'_>, Labels<'_>),
    additional_conditions: [bool; 2],
) -> (Severity, String) {
    let service = entries(other).find_map(|entry| entry.client_config.service.as_ref());
    let release =
        service.map_or_else(String::new, |service| format!("{}/{}", service.namespace, service.name));
    let place = if namespaces.is_empty() {
        "in any namespace that neither excludes".to_owned()
    } else {
        format!("for example in a namespace with the labels {}", list(&namespaces))
    };
    let of_pods = if pods.is_empty() { String::new() } else { format!(" with the labels {}", list(&pods)) };
    let (severity, unless) = if additional_conditions.contains(&true) {
        (Severity::Warning, ", unless admission.matchConditions keep them apart")
    } else {
        (Severity::Error, "")
    };
    let message = format!(
        "webhook {entry}: the release {release} selects the same pods{of_pods}, {place}, so that both change them{unless}. Fix: \
         set admission.namespaceSelector of both releases so that a namespace belongs to one of them."
    );
    (severity, message)
}

fn list(labels: &Labels<'_>) -> String {
    let texts = labels.iter().map(|(key, value)| match value {
        ExampleValue::Exactly(value) => format!("{key}={value}"),
        ExampleValue::Any => format!("{key} (any value)"),
    });
    texts.collect::<Vec<_>>().join(", ")
}
