//! Which pods API servers ask the webhook about, whom they call, and what becomes of a pod if nobody answers.

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};

use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, NAMESPACES, PODS, Release, entries};

/// Between a review that reads the API server and a person who waits for `kubectl apply`.
const SENSIBLE_SECONDS: std::ops::RangeInclusive<i32> = 2..=15;
/// What the API server takes where nothing is said.
const SECONDS: i32 = 10;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let InstallationSnapshot { release, configurations, service, .. } = snapshot;
    let object = format!("MutatingWebhookConfiguration/{}", release.name);
    let configurations = match configurations {
        Ok(configurations) => configurations,
        Err(why) => return vec![Finding::unseen(Check::Configuration, object, why)],
    };
    let mut found = lacking(configurations, &object);
    found.extend(configurations.iter().flat_map(|one| of_configuration(one, release)));
    match service {
        Ok(None) => found.push(Finding::new(
            Check::Configuration,
            Severity::Error,
            release.object("Service"),
            "The Service that API servers call is not there, so pods that opt in are refused: `helm upgrade` makes it \
             again.",
        )),
        Err(why) => found.push(Finding::unseen(Check::Configuration, release.object("Service"), why)),
        Ok(Some(_)) => {}
    }
    if found.is_empty() {
        found.push(Finding::new(
            Check::Configuration,
            Severity::Ok,
            object,
            as_shipped(configurations, release),
        ));
    }
    found
}

/// The two entries without which pods are not injected.
fn lacking(configurations: &[MutatingWebhookConfiguration], object: &str) -> Vec<Finding> {
    let is_there = |name: &str| configurations.iter().flat_map(entries).any(|entry| entry.name == name);
    let error = |message| Finding::new(Check::Configuration, Severity::Error, object, message);
    if !is_there(PODS) && !is_there(NAMESPACES) {
        return vec![error(format!(
            "It is not there, or has neither the entry {PODS} nor {NAMESPACES}, so no pod is injected: `helm upgrade` \
             makes it again."
        ))];
    }
    let lacks = [(PODS, "their own annotation"), (NAMESPACES, "their namespace's label")];
    let lacks = lacks.into_iter().filter(|(name, _)| !is_there(name));
    lacks
        .map(|(name, by)| {
            error(format!(
                "It has no entry {name}, so pods that opt in by {by} are not injected: `helm upgrade` puts it back."
            ))
        })
        .collect()
}

fn of_configuration(configuration: &MutatingWebhookConfiguration, release: &Release) -> Vec<Finding> {
    let name = configuration.metadata.name.as_deref().unwrap_or_default();
    let object = format!("MutatingWebhookConfiguration/{name}");
    let say = |(severity, message)| Finding::new(Check::Configuration, severity, &*object, message);
    let said = entries(configuration)
        .flat_map(|entry| [wrong_service(entry, release), fail_open(entry), seconds(entry)]);
    said.flatten().map(say).collect()
}

/// An entry that does not call the release's Service.
fn wrong_service(entry: &MutatingWebhook, release: &Release) -> Option<(Severity, String)> {
    let Release { namespace, name } = release;
    let called = match &entry.client_config.service {
        Some(service) if service.namespace == *namespace && service.name == *name => return None,
        Some(service) => format!("the Service {}/{}", service.namespace, service.name),
        None => entry.client_config.url.clone().unwrap_or_else(|| "nobody".to_owned()),
    };
    let message =
        format!("The entry {} calls {called}; the Service {namespace}/{name} would be right.", entry.name);
    Some((Severity::Error, message))
}

/// An entry for pods that lets them pass if nobody answers.
fn fail_open(entry: &MutatingWebhook) -> Option<(Severity, String)> {
    let is_of_pods = [PODS, NAMESPACES].contains(&&*entry.name);
    (is_of_pods && entry.failure_policy.as_deref() == Some("Ignore")).then(|| {
        let message = format!(
            "The failurePolicy of the entry {} is Ignore: a pod that opts in while no replica answers runs without \
             credentials, and does not get them later. Fail, as shipped, refuses it, and its controller tries again.",
            entry.name
        );
        (Severity::Warning, message)
    })
}

fn seconds(entry: &MutatingWebhook) -> Option<(Severity, String)> {
    let seconds = entry.timeout_seconds.unwrap_or(SECONDS);
    (!SENSIBLE_SECONDS.contains(&seconds)).then(|| {
        let message = format!(
            "The timeoutSeconds of the entry {} are {seconds}; 5 are shipped. Fewer than {} cut off what has to read \
             the API, and more than {} make everybody wait for a replica that is gone.",
            entry.name,
            SENSIBLE_SECONDS.start(),
            SENSIBLE_SECONDS.end()
        );
        (Severity::Warning, message)
    })
}

fn as_shipped(configurations: &[MutatingWebhookConfiguration], release: &Release) -> String {
    let entry = configurations.iter().flat_map(entries).find(|entry| entry.name == PODS);
    let seconds = entry.and_then(|entry| entry.timeout_seconds).unwrap_or(SECONDS);
    format!(
        "API servers ask the Service {}/{} about pods that opt in, and refuse them without an answer within {seconds} s.",
        release.namespace, release.name
    )
}
