//! Checks whether a pod was injected; if not, why, and how to fix it.

use k8s_openapi::api::core::v1::Pod;
use rolebridge_core::annotations::{INJECT, PREFIX};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};
use rolebridge_inject::{Decision, Reason};
use serde::Deserialize;

use crate::admission::Evaluation;
use crate::cluster::owner::Owner;
use crate::cluster::pod::{name, namespace};
use crate::commands::doctor::diagnosis::{CurrentDecision, Remediation, external_result};
use crate::commands::doctor::injected_pod::InjectedPod;
use crate::error::CliError;
use crate::output::quote::shell;

/// Checks whether a pod was injected. If not, the remediation says what to do.
pub(super) fn check_injection(
    pod: &Pod,
    injected: &InjectedPod<'_>,
    decision: Result<&CurrentDecision, &CliError>,
) -> (StepResult, Option<Remediation>) {
    if injected.is_injected() {
        return (injected_result(pod, decision), None);
    }
    let (message, remediation) = match decision.map(|decision| &decision.evaluation) {
        Ok(Evaluation { not_selected: Some(message), .. }) | Err(CliError::NotSelected(message)) => {
            not_selected(message)
        }
        Ok(evaluation) if matches!(evaluation.decision, Decision::Patch(_)) => missed(pod),
        Ok(evaluation) => not_injectable(pod, evaluation),
        Err(error) => unknown(pod, error),
    };
    (external_result(Step::Injection, StepStatus::Failed, message), Some(remediation))
}

fn injected_result(pod: &Pod, decision: Result<&CurrentDecision, &CliError>) -> StepResult {
    let Status { version, mut warnings } = Status::of(pod);
    let not_selected = match decision {
        Ok(decision) => decision.evaluation.not_selected.as_ref(),
        Err(CliError::NotSelected(message)) => Some(message),
        Err(_) => None,
    };
    warnings.extend(not_selected.map(|message| format!("A recreated pod would not be injected: {message}")));
    // Anyone who can patch the pod can write this annotation.
    let message = version.map_or_else(
        || "injected".to_owned(),
        |version| format!("injected, by version {version} as its annotation states"),
    );
    if warnings.is_empty() {
        return external_result(Step::Injection, StepStatus::Ok, message);
    }
    let message = format!("{message}, with a warning: {}", warnings.join(" "));
    external_result(Step::Injection, StepStatus::Warning, message)
}

/// Explains a pod that the webhook would inject now.
fn missed(pod: &Pod) -> (String, Remediation) {
    let message = "the pod is not injected, but would be if it were created now: it was created before it or its \
                   namespace opted in, or while the webhook was unreachable";
    let restart_hint = Owner::of(pod).restart_hint(namespace(pod));
    let summary = format!("recreate the pod (the webhook only sees new pods): {restart_hint}.");
    (message.to_owned(), Remediation::new(summary, ""))
}

/// Explains a pod that no webhook configuration selects.
fn not_selected(message: &str) -> (String, Remediation) {
    let summary = "add the labels that the selectors of one release require to the namespace or the pod, then recreate the \
                   pod. To list the selectors:";
    let command = "kubectl get mutatingwebhookconfigurations -l app.kubernetes.io/component=webhook -o yaml";
    (format!("the pod is not injected. {message}"), Remediation::new(summary, command))
}

/// Explains a pod that the webhook would skip or deny now.
fn not_injectable(pod: &Pod, evaluation: &Evaluation) -> (String, Remediation) {
    let sentences = evaluation.message().into_iter().chain(evaluation.warnings.iter().map(String::as_str));
    let message = format!("the pod is not injected. {}", sentences.collect::<Vec<_>>().join(" "));
    let remediation = if evaluation.reason() == Some(Reason::NotOptedIn) {
        Remediation::new(
            "opt in on the pod template, if a controller creates the pod from one:",
            format!("metadata:\n  annotations:\n    {INJECT}: \"true\""),
        )
    } else {
        Remediation::new(
            "correct the setting named above, then recreate the pod. To list every setting and its origin:",
            format!(
                "rolebridge explain {} -n {}",
                shell(&format!("pod/{}", name(pod))),
                shell(namespace(pod))
            ),
        )
    };
    (message, remediation)
}

/// Explains a pod that could not be evaluated.
fn unknown(pod: &Pod, error: &CliError) -> (String, Remediation) {
    let message =
        format!("the pod is not injected; could not evaluate it against the current settings ({error})");
    let summary = "check the settings on the pod, its service account and its namespace:";
    let command = format!("kubectl -n {} get pod {} -o yaml", shell(namespace(pod)), shell(name(pod)));
    (message, Remediation::new(summary, command))
}

/// The status annotation that the webhook sets on an injected pod.
#[derive(Default, Deserialize)]
struct Status {
    version: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

impl Status {
    fn of(pod: &Pod) -> Self {
        let annotations = pod.metadata.annotations.as_ref();
        let status = annotations.and_then(|annotations| annotations.get(&format!("{PREFIX}status")));
        status.and_then(|status| serde_json::from_str(status).ok()).unwrap_or_default()
    }
}
