//! Records the results of the steps and emits each one.

use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};

use crate::error::{Error, Failure};

/// The result of a failed step, without which later steps cannot run. The failure has been emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Aborted;

/// The recorder of a run.
pub(super) struct Recorder<'a> {
    emit: &'a mut dyn FnMut(&StepResult),
    remaining: Vec<Step>,
    first_failure: Option<Step>,
}

impl<'a> Recorder<'a> {
    /// Creates a recorder that passes each result to `emit`.
    pub(super) fn new(emit: &'a mut dyn FnMut(&StepResult)) -> Self {
        Self { emit, remaining: Vec::new(), first_failure: None }
    }

    /// Sets the steps of the run.
    pub(super) fn plan(&mut self, steps: Vec<Step>) {
        self.remaining = steps;
    }

    /// Returns the first step that failed.
    pub(super) fn first_failure(self) -> Option<Step> {
        self.first_failure
    }

    /// Records a success.
    pub(super) fn ok(&mut self, step: Step, message: String, evidence: Evidence) {
        self.record(step, StepStatus::Ok, None, Failure::new(message), evidence);
    }

    /// Records a success with a warning.
    pub(super) fn warn(&mut self, step: Step, warning: Failure, evidence: Evidence) {
        self.record(step, StepStatus::Warning, None, warning, evidence);
    }

    /// Records an error that the app does not depend on as a warning.
    pub(super) fn warn_of_error(&mut self, step: Step, error: &Error, evidence: Evidence) {
        let reason = Some(error.kind().code());
        self.record(step, StepStatus::Warning, reason, Failure::from(error), evidence);
    }

    /// Records a failure without evidence. Later steps may still run.
    pub(super) fn fail(&mut self, step: Step, failure: Failure) {
        self.fail_with(step, failure, Evidence::default());
    }

    /// Records a failure. Later steps may still run.
    pub(super) fn fail_with(&mut self, step: Step, failure: Failure, evidence: Evidence) {
        self.record(step, StepStatus::Failed, None, failure, evidence);
    }

    /// Records an error that later steps depend on.
    pub(super) fn abort(&mut self, step: Step, error: &Error, evidence: Evidence) -> Aborted {
        let reason = Some(error.kind().code());
        self.record(step, StepStatus::Failed, reason, Failure::from(error), evidence);
        Aborted
    }

    /// Records that a step was not tried because `dependency` failed.
    pub(super) fn skip(&mut self, step: Step, dependency: Step) {
        let message = format!("not tried, because {} failed", dependency.title());
        self.record(step, StepStatus::Skipped, None, Failure::new(message), Evidence::default());
    }

    /// Skips all remaining steps, which depend on the first failure.
    pub(super) fn skip_remaining(&mut self) {
        let Some(dependency) = self.first_failure else { return };
        while let Some(&step) = self.remaining.first() {
            self.skip(step, dependency);
        }
    }

    fn record(
        &mut self,
        step: Step,
        status: StepStatus,
        reason: Option<&str>,
        text: Failure,
        evidence: Evidence,
    ) {
        self.remaining.retain(|remaining| *remaining != step);
        if status == StepStatus::Failed {
            self.first_failure = self.first_failure.or(Some(step));
        }
        let Failure { message, remediation } = text;
        let reason = reason.map(str::to_owned);
        (self.emit)(&StepResult { step, status, reason, message, remediation, evidence });
    }
}
