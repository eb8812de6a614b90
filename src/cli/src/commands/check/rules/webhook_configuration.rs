//! The webhook configurations: their entries, the Service that they call, and their failure policy.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};

use crate::cluster::chart_names::{NAMESPACE_ENTRY, POD_ENTRY, Release, entries};
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::InstallationSnapshot;

/// The reasonable values of timeoutSeconds: enough to read the API server, but not too long for users of `kubectl apply`.
const REASONABLE_TIMEOUT_SECONDS: std::ops::RangeInclusive<i32> = 2..=15;
/// The API server's default of timeoutSeconds.
const DEFAULT_TIMEOUT_SECONDS: i32 = 10;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let InstallationSnapshot { release, configurations, service, .. } = snapshot;
    let object = format!("MutatingWebhookConfiguration/{}", release.name);
    let configurations = match configurations {
        Ok(configurations) => configurations,
        Err(message) => return vec![Finding::unreadable(Check::Configuration, object, message)],
    };
    let mut findings = missing_entries(configurations, &object);
    findings.extend(configurations.iter().flat_map(|one| evaluate_configuration(one, release)));
    match service {
        Ok(None) => findings.push(Finding::new(
            Check::Configuration,
            Severity::Error,
            release.object("Service"),
            "The Service that API servers call does not exist, so pods that opt in are denied. Fix: run `helm upgrade` to \
             recreate it.",
        )),
        Err(message) => {
            findings.push(Finding::unreadable(Check::Configuration, release.object("Service"), message));
        }
        Ok(Some(_)) => {}
    }
    if findings.is_empty() {
        let message = ok_message(configurations, release);
        findings.push(Finding::new(Check::Configuration, Severity::Ok, object, message));
    }
    findings
}

/// Reports the two entries without which pods are not injected.
fn missing_entries(configurations: &[MutatingWebhookConfiguration], object: &str) -> Vec<Finding> {
    let exists = |name: &str| configurations.iter().flat_map(entries).any(|entry| entry.name == name);
    let error = |message| Finding::new(Check::Configuration, Severity::Error, object, message);
    if !exists(POD_ENTRY) && !exists(NAMESPACE_ENTRY) {
        return vec![error(format!(
            "It does not exist, or has neither the entry {POD_ENTRY} nor {NAMESPACE_ENTRY}, so no pod is injected. Fix: run \
             `helm upgrade` to recreate it."
        ))];
    }
    let entries = [(POD_ENTRY, "their own annotation"), (NAMESPACE_ENTRY, "their namespace's label")];
    let missing = entries.into_iter().filter(|(name, _)| !exists(name));
    missing
        .map(|(name, opt_in)| {
            error(format!(
                "The entry {name} is missing, so pods that opt in by {opt_in} are not injected. Fix: run `helm upgrade` to \
                 restore it."
            ))
        })
        .collect()
}

fn evaluate_configuration(configuration: &MutatingWebhookConfiguration, release: &Release) -> Vec<Finding> {
    let name = configuration.metadata.name.as_deref().unwrap_or_default();
    let object = format!("MutatingWebhookConfiguration/{name}");
    let finding = |(severity, message)| Finding::new(Check::Configuration, severity, &*object, message);
    let problems = entries(configuration)
        .flat_map(|entry| [wrong_service(entry, release), fail_open(entry), timeout(entry)]);
    problems.flatten().map(finding).collect()
}

/// Reports an entry that does not call the release's Service.
fn wrong_service(entry: &MutatingWebhook, release: &Release) -> Option<(Severity, String)> {
    let Release { namespace, name } = release;
    let found = match &entry.client_config.service {
        Some(service) if service.namespace == *namespace && service.name == *name => return None,
        Some(service) => format!("the Service {}/{}", service.namespace, service.name),
        None => entry.client_config.url.clone().unwrap_or_else(|| "nothing".to_owned()),
    };
    let message = format!("webhook {}: expected the Service {namespace}/{name}, found {found}.", entry.name);
    Some((Severity::Error, message))
}

/// Reports an entry for pods that admits them unchanged if no replica responds.
fn fail_open(entry: &MutatingWebhook) -> Option<(Severity, String)> {
    let is_for_pods = [POD_ENTRY, NAMESPACE_ENTRY].contains(&&*entry.name);
    (is_for_pods && entry.failure_policy.as_deref() == Some("Ignore")).then(|| {
        let message = format!(
            "webhook {}: failurePolicy is Ignore. A pod that opts in while no replica responds runs without credentials, and \
             does not get them later. With Fail, the chart's default, the pod is denied and its controller retries.",
            entry.name
        );
        (Severity::Warning, message)
    })
}

fn timeout(entry: &MutatingWebhook) -> Option<(Severity, String)> {
    let seconds = entry.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    let (min, max) = (REASONABLE_TIMEOUT_SECONDS.start(), REASONABLE_TIMEOUT_SECONDS.end());
    (!REASONABLE_TIMEOUT_SECONDS.contains(&seconds)).then(|| {
        let message = format!(
            "webhook {}: expected timeoutSeconds from {min} to {max}, found {seconds} (the chart's default is 5). Fewer \
             interrupt reviews that read the API, and more make users wait for a replica that is gone.",
            entry.name
        );
        (Severity::Warning, message)
    })
}

fn ok_message(configurations: &[MutatingWebhookConfiguration], release: &Release) -> String {
    let entry = configurations.iter().flat_map(entries).find(|entry| entry.name == POD_ENTRY);
    let seconds = entry.and_then(|entry| entry.timeout_seconds).unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    format!(
        "API servers call the Service {}/{} for pods that opt in, and deny them without a response within {seconds} s.",
        release.namespace, release.name
    )
}
