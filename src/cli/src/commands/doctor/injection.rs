//! Whether a pod was injected; if not why, and what mends that.

use k8s_openapi::api::core::v1::Pod;
use rolebridge_core::annotations::{INJECT, PREFIX};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};
use serde::Deserialize;

use super::examine::step_result;
use super::external_checks::{name, namespace};
use super::injected_pod::InjectedPod;
use super::remediation::Remediation;
use crate::cluster::owner::Owner;
use crate::commands::explain::Explanation;
use crate::error::CliError;

/// What the webhook would do now.
pub(super) struct CurrentDecision {
    pub(super) explanation: Explanation,
    /// The sidecar's image that it injects.
    pub(super) image: String,
}

/// Whether it was injected; if not why, and what mends that.
pub(super) fn injection(
    pod: &Pod,
    seen: &InjectedPod<'_>,
    decided: Result<&CurrentDecision, &CliError>,
) -> (StepResult, Option<Remediation>) {
    let say = |status, message: String| step_result(Step::Injection, status, message);
    if seen.is_injected() {
        let Status { version, warnings } = Status::of(pod);
        let by =
            version.map_or_else(|| "it is injected".to_owned(), |version| format!("by version {version}"));
        return match warnings.join(" ") {
            none if none.is_empty() => (say(StepStatus::Ok, by), None),
            warnings => (say(StepStatus::Warning, format!("{by}, with a warning: {warnings}")), None),
        };
    }
    match decided.map(|decided| &decided.explanation) {
        Ok(explanation) if explanation.outcome == "injected" => {
            let message = "it is not injected, and would be if it were made now: it was made before it or its \
                            namespace opted in, or while the webhook could not be reached";
            let renewal = Owner::of(pod).restart_hint(namespace(pod));
            let summary =
                format!("make the pod anew, since the webhook sees pods only when they are made: {renewal}.");
            (say(StepStatus::Failed, message.to_owned()), Some(Remediation::new(summary, "")))
        }
        Ok(explanation) => {
            let said = explanation.message.iter().chain(&explanation.warnings);
            let why = said.map(String::as_str).collect::<Vec<_>>().join(" ");
            let remediation = (explanation.reason == Some("not-opted-in")).then(|| {
                Remediation::new(
                    "opt in on the pod's template, where its controller makes pods of it:",
                    format!("metadata:\n  annotations:\n    {INJECT}: \"true\""),
                )
            });
            let explain = Remediation::new(
                "mend what the sentence names, then make the pod anew. Each setting and where it comes from:",
                format!("rolebridge explain pod/{} -n {}", name(pod), namespace(pod)),
            );
            (
                say(StepStatus::Failed, format!("it is not injected. {why}")),
                Some(remediation.unwrap_or(explain)),
            )
        }
        Err(failure) => {
            let message =
                format!("it is not injected; what would become of it now cannot be told ({failure})");
            let summary = "see what is set where, on the pod, its service account and its namespace:";
            let command = format!("kubectl -n {} get pod {} -o yaml", namespace(pod), name(pod));
            (say(StepStatus::Failed, message), Some(Remediation::new(summary, command)))
        }
    }
}

/// What the webhook wrote on the pod.
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
