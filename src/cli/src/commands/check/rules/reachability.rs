//! The connection from API servers to the webhook, by the response to a dry run.
//!
//! The matched texts are those of `k8s.io/apiserver` (admission/plugin/webhook, util/webhook, util/proxy), which passes on
//! errors of Go's `net` and `crypto`.

use kube::core::Status;
use rolebridge_core::pod_names::CONFIG_VOLUME;

use crate::cluster::chart_names::{POD_ENTRY, is_own_entry};
use crate::cluster::scope::Membership;
use crate::commands::check::dry_run::DryRunResult;
use crate::commands::check::finding::{Check, Finding, Severity, as_sentence};
use crate::commands::check::snapshot::InstallationSnapshot;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let object = snapshot.release.object("Service");
    let (namespace, result) = &snapshot.dry_run;
    let (severity, message) = match result {
        Err(message) => return vec![Finding::unreadable(Check::ApiServer, object, message)],
        Ok(DryRunResult::Created(pod)) => {
            let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
            let is_injected = volumes.into_iter().any(|volume| volume.name == CONFIG_VOLUME.name);
            evaluate_created(snapshot, namespace, is_injected)
        }
        Ok(DryRunResult::Rejected(status)) => {
            evaluate_rejected(status, namespace, needs_webhook(snapshot, namespace))
        }
    };
    vec![Finding::new(Check::ApiServer, severity, object, message)]
}

/// Returns true if API servers must get a response of the webhook for a pod that opts in.
fn needs_webhook(snapshot: &InstallationSnapshot, namespace: &str) -> bool {
    snapshot.entries().any(|entry| entry.name == POD_ENTRY)
        && fails_closed(snapshot)
        && !excludes(snapshot, namespace)
}

fn fails_closed(snapshot: &InstallationSnapshot) -> bool {
    let fails_open = |entry: &str, policy: Option<&str>| entry == POD_ENTRY && policy == Some("Ignore");
    !snapshot.entries().any(|entry| fails_open(&entry.name, entry.failure_policy.as_deref()))
}

fn excludes(snapshot: &InstallationSnapshot, namespace: &str) -> bool {
    snapshot.scope().membership(namespace, &snapshot.dry_run_labels) != Membership::Own
}

fn evaluate_created(
    snapshot: &InstallationSnapshot,
    namespace: &str,
    is_injected: bool,
) -> (Severity, String) {
    // Another release may have injected it.
    if excludes(snapshot, namespace) {
        let message = format!(
            "Unknown: the webhook configuration does not select the namespace {namespace}, so no dry run was possible. Fix: select \
             another namespace with --namespace."
        );
        return (Severity::Warning, message);
    }
    if is_injected {
        let message =
            format!("API servers reach the webhook: a dry run in the namespace {namespace} was injected.");
        return (Severity::Ok, message);
    }
    let cause = if fails_closed(snapshot) {
        "API servers do not call the webhook for it, so the webhook configuration differs from the chart's. Fix: run `helm \
         upgrade`"
    } else {
        "API servers do not reach the webhook, or do not call it; failurePolicy: Ignore hides which. Fix: set it to Fail, and \
         run this check again"
    };
    let message =
        format!("A dry run of a pod that opts in was not injected in the namespace {namespace}: {cause}.");
    (Severity::Error, message)
}

/// Derives from an error whether API servers reach the webhook.
fn evaluate_rejected(status: &Status, namespace: &str, needs_webhook: bool) -> (Severity, String) {
    let message = status.message.trim_end_matches('.');
    let dry_run = format!("the dry run in the namespace {namespace}");
    if let Some((webhook, error)) = split_quoted(message, "failed calling webhook ") {
        if is_own_entry(webhook) {
            return (Severity::Error, unreachable_message(error));
        }
        let message = format!("Unknown: another webhook, {webhook}, failed for {dry_run}: {message}.");
        return (Severity::Warning, message);
    }
    if let Some((webhook, reason)) = split_quoted(message, "admission webhook ") {
        let reason = reason.strip_prefix("denied the request: ").unwrap_or(reason);
        return if is_own_entry(webhook) {
            let message =
                format!("API servers reach the webhook: it denied {dry_run}: {}", as_sentence(reason));
            (Severity::Ok, message)
        } else {
            let message =
                format!("Unknown: another webhook, {webhook}, denied {dry_run}: {}", as_sentence(reason));
            (Severity::Warning, message)
        };
    }
    // The message of the chart's ValidatingAdmissionPolicy.
    if message.contains("opted in by the annotation") && message.contains("has not injected it") {
        let message = as_sentence(message);
        return (Severity::Error, format!("API servers did not call the webhook for {dry_run}: {message}"));
    }
    let is_after_webhooks =
        status.reason == "Forbidden" && !BEFORE_WEBHOOKS.iter().any(|text| message.contains(text));
    if is_after_webhooks && needs_webhook {
        let message = format!(
            "API servers reach the webhook: {dry_run} passed it, and was then denied by another component: {message}."
        );
        return (Severity::Ok, message);
    }
    let fix = if message.contains("cannot create resource") {
        "get permission to create pods there"
    } else {
        "select another namespace with --namespace"
    };
    let message = format!("Unknown: {dry_run} was denied by another component: {message}. Fix: {fix}.");
    (Severity::Warning, message)
}

/// Parts of errors that API servers return before they call any webhook: authorization, the namespace, the service account.
/// Pod Security, quotas, limit ranges and policies come after the mutating webhooks.
const BEFORE_WEBHOOKS: [&str; 4] = [
    "forbidden: User ",
    "because it is being terminated",
    "error looking up service account",
    "not yet ready to handle request",
];

/// Returns the quoted name after a prefix, and the text after its colon.
fn split_quoted<'a>(message: &'a str, prefix: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = message.split_once(prefix)?;
    let (name, rest) = rest.strip_prefix('"')?.split_once('"')?;
    Some((name, rest.trim_start_matches([':', ' '])))
}

/// Parts of a failed call's error, and the cause and fix that they indicate.
const CAUSES: &[(&[&str], &str)] = &[
    (
        &["Address is not allowed"],
        "EKS's control plane cannot reach the address, because the pods are in an overlay network. Fix: set \
         webhook.hostNetwork: true, so that the pods have the addresses of their nodes.",
    ),
    (
        &["no endpoints available", "currently unable to handle the request"],
        "No replica is ready: see the check replicas.",
    ),
    (
        &["no service port", "\" not found"],
        "The Service differs from the chart's. Fix: run `helm upgrade` to recreate it.",
    ),
    (
        &["x509:", "tls:"],
        "The API server reaches a replica but rejects its certificate: see the checks certificate and ca-bundle.",
    ),
    (
        &["connection refused", "no route to host", "server gave HTTP response", "EOF", "connection reset"],
        "The webhook does not listen at the address: a replica has just terminated, a proxy responds instead, or the Service \
         has another targetPort than the webhook.",
    ),
    (
        &["deadline exceeded", "Client.Timeout", "i/o timeout", "did not complete within"],
        "The API server gets no response from any replica. Fix: on EKS, allow the control plane's security group in the \
         nodes' security group on TCP port 9443 (webhook.port), and in every network policy. In an overlay network, set \
         webhook.hostNetwork: true. If the error is intermittent, the replicas are slow: increase their CPU or number.",
    ),
];

fn unreachable_message(error: &str) -> String {
    let cause = CAUSES.iter().find(|(parts, _)| parts.iter().any(|part| error.contains(part)));
    let cause = cause.map_or("To find the cause, read the log of the replicas.", |(_, cause)| cause);
    format!("API servers cannot call the webhook, so pods that opt in are denied: {error}. {cause}")
}
