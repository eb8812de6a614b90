//! The result of `doctor`: the steps, and the remediation for the first that failed.

use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use serde::Serialize;

use crate::admission::Evaluation;

/// The result of `doctor`, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnosis {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) steps: Vec<StepResult>,
    /// The remediation for the first failed step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remediation: Option<Remediation>,
}

impl Diagnosis {
    pub(super) fn has_failed_step(&self) -> bool {
        self.steps.iter().any(|result| result.status == StepStatus::Failed)
    }
}

/// An instruction for the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Remediation {
    /// The instruction, as an imperative sentence.
    pub(super) summary: String,
    /// Text to copy: commands, a policy or YAML.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) snippet: String,
}

impl Remediation {
    pub(super) fn new(summary: impl Into<String>, snippet: impl Into<String>) -> Self {
        Self { summary: summary.into(), snippet: snippet.into() }
    }
}

/// The decision that the webhook would make about the pod now.
#[derive(Debug)]
pub(super) struct CurrentDecision {
    pub(super) evaluation: Evaluation,
    /// The sidecar image that new pods get.
    pub(super) image: String,
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
