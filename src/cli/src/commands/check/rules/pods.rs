//! The namespaces and pods that opted in.

use rolebridge_core::annotations::{INJECT, NAMESPACE_OPT_IN};
use rolebridge_inject::{Context, Defaults, ObjectMetadata, admit};

use crate::commands::check::aggregate::{PodGroup, PodSummary};
use crate::commands::check::collect_pods::PodCollection;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::rules::{pod_messages, quotas};

/// The maximum number of namespaces that a message lists.
const MAX_NAMES: usize = 5;

/// Evaluates the namespaces and pods that opted in.
pub(crate) fn evaluate(pods: &PodCollection) -> Vec<Finding> {
    let mut findings = namespaces(pods);
    findings
        .extend(pods.pod_errors.iter().map(|message| Finding::unreadable(Check::Injection, "Pods", message)));
    findings.extend(
        pods.account_errors
            .iter()
            .map(|message| Finding::unreadable(Check::RoleArn, "ServiceAccounts", message)),
    );
    findings.extend(pods.summary.problems.iter().map(|((problem, owner), group)| {
        let probe_message = pods.probe_messages.get(&(owner.namespace.clone(), group.example.clone()));
        pod_messages::finding(problem, owner, group, probe_message.map(String::as_str))
    }));
    findings.extend(other_images(pods));
    findings.extend(malformed_roles(pods));
    if pods.pod_errors.is_empty() {
        findings.extend(quotas::evaluate(&pods.summary.demand));
    }
    let has_no_finding = |check: Check| !findings.iter().any(|finding| finding.check == check);
    // Checks of pods only pass if all pods could be read.
    let is_complete = |check: Check| pods.pod_errors.is_empty() || check == Check::Namespaces;
    let passing = passing(pods).into_iter();
    let passing: Vec<_> =
        passing.filter(|finding| is_complete(finding.check) && has_no_finding(finding.check)).collect();
    findings.extend(passing);
    findings.sort_by_key(|finding| finding.check);
    findings
}

fn namespaces(pods: &PodCollection) -> Vec<Finding> {
    let namespaces = match &pods.namespaces {
        Ok(namespaces) => namespaces,
        Err(message) => return vec![Finding::unreadable(Check::Namespaces, "Namespaces", message)],
    };
    let warning = |name: &str, message: String| {
        Finding::new(Check::Namespaces, Severity::Warning, format!("Namespace/{name}"), message)
    };
    let mut findings: Vec<_> = namespaces
        .iter()
        .flat_map(|(name, metadata)| {
            label_warnings(name, metadata).into_iter().map(move |message| warning(name, message))
        })
        .collect();
    findings.extend(pods.foreign.iter().filter(|_| namespaces.len() == 1).map(|name| {
        let message = "Another release selects the namespace, so its pods were not checked. Fix: check that release, with \
                       --release-namespace.";
        warning(name, message.to_owned())
    }));
    let excluded = pods.labelled.intersection(&pods.excluded);
    findings.extend(excluded.map(|name| {
        warning(
            name,
            format!(
                "Its label {INJECT}: {NAMESPACE_OPT_IN} has no effect, because the webhook configuration does not select \
                 the namespace (admission.excludedNamespaces, admission.namespaceSelector, or the webhook's own)."
            ),
        )
    }));
    findings
}

/// Returns the warnings of the webhook's engine about a namespace's label.
fn label_warnings(namespace: &str, metadata: &ObjectMetadata) -> Vec<String> {
    let Ok(pod) = serde_json::from_str::<rolebridge_inject::Pod<'_>>(r#"{"spec": {}}"#) else {
        return Vec::new();
    };
    let defaults = Defaults::default();
    let context =
        Context { namespace, service_account: None, namespace_metadata: Some(metadata), defaults: &defaults };
    // If the namespace opts its pods in, the warnings would be about this pod without a provider.
    match pod.opted_in_by(&context) {
        Ok(None) => admit(&pod, &context).warnings,
        _ => Vec::new(),
    }
}

/// Returns a finding for each image that has the version of new pods, but not their name.
fn other_images(pods: &PodCollection) -> impl Iterator<Item = Finding> {
    pods.summary.other_images.iter().map(|(image, PodGroup { count, example })| {
        let have = match count {
            1 => format!("The pod {example} has"),
            _ => format!("{count} pods, for example {example}, have"),
        };
        let message = format!(
            "{have} the sidecar {image}, which is not the image that the chart sets: {}. Fix: set sidecar.image in the chart if \
             it is your mirror; otherwise find what replaced the image, and recreate the pods.",
            pods.image.as_deref().unwrap_or_default()
        );
        Finding::new(Check::SidecarImage, Severity::Warning, "Pods", message).about_pods(*count)
    })
}

fn malformed_roles(pods: &PodCollection) -> impl Iterator<Item = Finding> {
    pods.summary.malformed_roles.iter().map(|(namespace, name, key, value)| {
        let message = format!(
            "{key}: expected the ARN of an IAM role, for example arn:aws:iam::123456789012:role/NAME, found {value:?}. Pods \
             of the service account are denied."
        );
        Finding::new(Check::RoleArn, Severity::Error, format!("ServiceAccount/{namespace}/{name}"), message)
    })
}

/// Returns the findings of checks without a problem.
fn passing(pods: &PodCollection) -> [Finding; 7] {
    let summary = &pods.summary;
    let ok = |check, object: &str, message| Finding::new(check, Severity::Ok, object, message);
    let count = |count: usize, noun: &str| match count {
        0 => format!("No {noun}"),
        1 => format!("One {noun}"),
        count => format!("{count} {noun}s"),
    };
    let injected = match summary.injected {
        1 => "one is".to_owned(),
        count => format!("{count} are"),
    };
    [
        ok(Check::Namespaces, "Namespaces", labelled_namespaces(pods)),
        ok(
            Check::Injection,
            "Pods",
            format!(
                "{} opted in, and {injected} injected.{}",
                count(summary.opted_in, "pod"),
                skipped(summary)
            ),
        ),
        ok(Check::SidecarVersion, "Pods", "Every sidecar has the version that new pods get.".to_owned()),
        ok(
            Check::SidecarImage,
            "Pods",
            "Every sidecar of that version has the image that the chart sets.".to_owned(),
        ),
        ok(Check::SidecarProxy, "Pods", "Every sidecar has the proxy that new pods get.".to_owned()),
        ok(Check::SidecarReady, "Pods", "Every running sidecar has a token.".to_owned()),
        ok(
            Check::RoleArn,
            "ServiceAccounts",
            format!(
                "{} of pods that opted in: every role ARN is well-formed.",
                count(summary.accounts.len(), "service account")
            ),
        ),
    ]
}

/// Returns a sentence about the pods that only their namespace opted in and that lack a prerequisite.
fn skipped(summary: &PodSummary) -> String {
    let reasons = summary.skipped.iter();
    let reasons: Vec<_> = reasons
        .map(|(reason, count)| format!("{count} × {}", reason.message().trim_end_matches('.')))
        .collect();
    if reasons.is_empty() {
        return String::new();
    }
    format!(" Opted in by their namespace only, and skipped: {}.", reasons.join("; "))
}

fn labelled_namespaces(pods: &PodCollection) -> String {
    let names: Vec<_> = pods.labelled.iter().take(MAX_NAMES).map(String::as_str).collect();
    let more = pods.labelled.len() - names.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    match pods.labelled.len() {
        0 => format!(
            "No namespace opts its pods in with the label {INJECT}: {NAMESPACE_OPT_IN}; pods opt in by their annotation."
        ),
        1 => format!("One namespace opts its pods in with its label: {}.", names.join(", ")),
        count => {
            format!("{count} namespaces opt their pods in with their label: {}{more}.", names.join(", "))
        }
    }
}
