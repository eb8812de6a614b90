//! The result of `doctor`: the steps, and the remediation for the first that failed.

use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use serde::Serialize;

use crate::admission::Evaluation;
use crate::docs::DOCS_URL;

/// The page with the error messages of each component.
const PAGE: &str = "troubleshooting.html";

/// The result of `doctor`, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnosis {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) steps: Vec<DiagnosedStep>,
    /// The remediation for the first failed step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remediation: Option<Remediation>,
    /// The page with the error messages of each component, if a step failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
}

impl Diagnosis {
    pub(super) fn new(
        pod: Option<String>,
        namespace: Option<String>,
        steps: Vec<DiagnosedStep>,
        remediation: Option<Remediation>,
    ) -> Self {
        let has_failed_step = steps.iter().any(|step| step.result.status == StepStatus::Failed);
        let link = has_failed_step.then(|| format!("{DOCS_URL}{PAGE}"));
        Self { pod, namespace, steps, remediation, link }
    }

    pub(super) fn has_failed_step(&self) -> bool {
        self.link.is_some()
    }

    /// Returns true if no step failed but that which signs.
    pub(super) fn authenticates(&self) -> bool {
        let mut results = self.steps.iter().map(|step| &step.result);
        results.all(|result| result.status != StepStatus::Failed || result.step == Step::Signing)
    }
}

/// The result of a step, and who states it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiagnosedStep {
    pub(super) stated_by: Witness,
    #[serde(flatten)]
    pub(super) result: StepResult,
}

/// The origin of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Witness {
    /// The Kubernetes API.
    Cluster,
    /// A container of the pod. Anyone who can create the pod decides what it states.
    Pod,
}

/// An instruction for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remediation {
    /// The origin of the facts in it.
    pub(super) stated_by: Witness,
    /// The instruction, as an imperative sentence.
    pub(super) summary: String,
    /// Text to copy: commands, a policy or YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) snippet: String,
}

impl Remediation {
    /// Returns a remediation by facts of the Kubernetes API.
    pub(super) fn new(summary: impl Into<String>, snippet: impl Into<String>) -> Self {
        Self { stated_by: Witness::Cluster, summary: summary.into(), snippet: snippet.into() }
    }
}

/// The decision that the webhook would make about the pod now.
#[derive(Debug)]
pub(super) struct CurrentDecision {
    pub(super) evaluation: Evaluation,
    /// The sidecar image that new pods get.
    pub(super) image: String,
    /// The reason why the limits of the namespace are unknown.
    pub(super) unknown_limits: Option<String>,
}

impl CurrentDecision {
    /// Returns what other objects of the namespace do to the pod, if that needs attention.
    pub(super) fn findings(&self) -> impl Iterator<Item = StepResult> {
        let Evaluation { env_findings, limit_findings, .. } = &self.evaluation;
        let warning = |step, findings: &[String]| {
            (!findings.is_empty()).then(|| external_result(step, StepStatus::Warning, findings.join(" ")))
        };
        let limits = warning(Step::Limits, limit_findings);
        let unknown =
            || Some(external_result(Step::Limits, StepStatus::Skipped, self.unknown_limits.clone()?));
        warning(Step::Environment, env_findings).into_iter().chain(limits.or_else(unknown))
    }
}

/// Returns the result of a step that is checked from outside the pod.
pub(super) fn external_result(step: Step, status: StepStatus, message: impl Into<String>) -> StepResult {
    StepResult {
        step,
        status,
        reason: None,
        message: message.into(),
        remediation: None,
        evidence: Evidence::default(),
    }
}
