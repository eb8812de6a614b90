//! Whether an API server can call the webhook: by what it says about a trial pod.
//!
//! The words are those of `k8s.io/apiserver` (admission/plugin/webhook, util/webhook, util/proxy) and of Go's `net` and
//! `crypto`, which it passes on.

use kube::core::Status;
use rolebridge_core::pod_names::CONFIG_VOLUME;

use super::as_sentence;
use crate::commands::check::dry_run::DryRunResult;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, PODS, entries, excluded, is_ours};

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let object = snapshot.release.object("Service");
    let (namespace, answer) = &snapshot.trial;
    let (severity, message) = match answer {
        Err(why) => return vec![Finding::unseen(Check::ApiServer, object, why)],
        Ok(DryRunResult::Created(pod)) => {
            let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            created(snapshot, namespace, volumes.into_iter().any(|volume| volume.name == CONFIG_VOLUME.name))
        }
        Ok(DryRunResult::Refused(status)) => refused(status, namespace, asks(snapshot, namespace)),
    };
    vec![Finding::new(Check::ApiServer, severity, object, message)]
}

/// Whether a pod that opts in passes only if the webhook lets it.
fn asks(snapshot: &InstallationSnapshot, namespace: &str) -> bool {
    let mut entries = snapshot.configurations.iter().flatten().flat_map(entries);
    entries.any(|entry| entry.name == PODS) && fails_closed(snapshot) && !leaves_out(snapshot, namespace)
}

fn fails_closed(snapshot: &InstallationSnapshot) -> bool {
    let mut entries = snapshot.configurations.iter().flatten().flat_map(entries);
    !entries.any(|entry| entry.name == PODS && entry.failure_policy.as_deref() == Some("Ignore"))
}

fn leaves_out(snapshot: &InstallationSnapshot, namespace: &str) -> bool {
    let excluded = snapshot.configurations.as_deref().map(excluded).unwrap_or_default();
    excluded.iter().any(|one| one == namespace)
}

fn created(snapshot: &InstallationSnapshot, namespace: &str, injected: bool) -> (Severity, String) {
    if injected {
        let message = format!(
            "API servers reach it: a trial pod in the namespace {namespace} (a dry run) was injected."
        );
        return (Severity::Ok, message);
    }
    if leaves_out(snapshot, namespace) {
        let message = format!(
            "Nothing could be tried: the configuration leaves the namespace {namespace} out. --namespace names another."
        );
        return (Severity::Warning, message);
    }
    let why = if fails_closed(snapshot) {
        "API servers do not ask the webhook about it, so its configuration is not what the chart makes. `helm upgrade` \
         makes it anew"
    } else {
        "API servers do not reach the webhook, or do not ask it, and failurePolicy: Ignore hides which. With Fail this \
         check would say it"
    };
    let message = format!(
        "A trial pod in the namespace {namespace} that opts in (a dry run) came back as it was: {why}."
    );
    (Severity::Error, message)
}

/// What a refusal tells of the way to the webhook.
fn refused(status: &Status, namespace: &str, asks: bool) -> (Severity, String) {
    let said = status.message.trim_end_matches('.');
    let trial = format!("a trial pod in the namespace {namespace} (a dry run)");
    if let Some((webhook, words)) = quoted(said, "failed calling webhook ") {
        if is_ours(webhook) {
            return (Severity::Error, unreachable(words));
        }
        let message =
            format!("It could not be told: another webhook, {webhook}, did not answer for {trial}: {said}.");
        return (Severity::Warning, message);
    }
    if let Some((webhook, words)) = quoted(said, "admission webhook ") {
        let words = words.strip_prefix("denied the request: ").unwrap_or(words);
        return if is_ours(webhook) {
            (
                Severity::Ok,
                format!("API servers reach it: it answered for {trial}, which it refuses: {words}."),
            )
        } else {
            let message =
                format!("It could not be told: another webhook, {webhook}, refused {trial}: {words}.");
            (Severity::Warning, message)
        };
    }
    // The chart's own ValidatingAdmissionPolicy.
    if said.contains("opted in by the annotation") && said.contains("has not injected it") {
        return (
            Severity::Error,
            format!("API servers did not ask the webhook about {trial}: {}", as_sentence(said)),
        );
    }
    let after_webhooks =
        status.reason == "Forbidden" && !BEFORE_WEBHOOKS.iter().any(|words| said.contains(words));
    if after_webhooks && asks {
        let message = format!(
            "API servers reach it: {trial} came past it, and was then refused by something else: {said}."
        );
        return (Severity::Ok, message);
    }
    let mend = if said.contains("cannot create resource") {
        "The right to create pods there would be enough"
    } else {
        "--namespace names another namespace"
    };
    (
        Severity::Warning,
        format!("It could not be told, since {trial} was refused by something else: {said}. {mend}."),
    )
}

/// What the API server says before it asks any webhook: authorization, the namespace, the service account. Pod Security,
/// quotas, limit ranges and policies are args after the mutating webhooks.
const BEFORE_WEBHOOKS: [&str; 4] = [
    "forbidden: User ",
    "because it is being terminated",
    "error looking up service account",
    "not yet ready to handle request",
];

/// A quoted name after some words, and what is said after its colon.
fn quoted<'a>(said: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = said.split_once(words)?;
    let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
    Some((name, rest.trim_start_matches([':', ' '])))
}

/// Phrasing of a call that failed, and what they mean.
const MEANINGS: &[(&[&str], &str)] = &[
    (
        &["Address is not allowed"],
        "EKS's control plane cannot reach the address: the pods are in an overlay network. webhook.hostNetwork: true \
         gives them their nodes' addresses.",
    ),
    (
        &["no endpoints available", "currently unable to handle the request"],
        "No replica is ready: see the check replicas.",
    ),
    (
        &["no service port", "\" not found"],
        "The Service is not what the chart makes: `helm upgrade` makes it anew.",
    ),
    (
        &["x509:", "tls:"],
        "The API server reaches a replica and does not take its certificate: see the checks certificate and ca-bundle.",
    ),
    (
        &["connection refused", "no route to host", "server gave HTTP response", "EOF", "connection reset"],
        "Something answers in a replica's place, or nothing listens there: a replica that has just gone, a proxy, or a \
         Service whose targetPort is not the webhook's.",
    ),
    (
        &["deadline exceeded", "Client.Timeout", "i/o timeout", "did not complete within"],
        "The API server gets no answer from any replica. On EKS the nodes' security group must let the control plane's \
         in on TCP port 9443 (webhook.port), and so must every network policy; in an overlay network it takes \
         webhook.hostNetwork: true. If it comes and goes, the replicas are slow: more CPU, or more of them.",
    ),
];

fn unreachable(words: &str) -> String {
    let known = MEANINGS.iter().find(|(signs, _)| signs.iter().any(|sign| words.contains(sign)));
    let meaning = known.map_or("The log of the replicas may say more.", |(_, meaning)| meaning);
    format!("API servers cannot call it, so pods that opt in are refused: {words}. {meaning}")
}
