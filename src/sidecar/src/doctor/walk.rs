//! What has been tried, what is still to be, and how it is told.

use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};

use crate::fault::Fault;
use crate::settings::SettingsError;

/// A hop failed, which has been told, and those after it make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// A way through the hops.
pub(super) struct Walk<'a> {
    tell: &'a mut dyn FnMut(&StepResult),
    left: Vec<Step>,
    first_failure: Option<Step>,
}

impl<'a> Walk<'a> {
    /// `tell` gets each hop as soon as it is known.
    pub(super) fn new(tell: &'a mut dyn FnMut(&StepResult)) -> Self {
        Self { tell, left: Vec::new(), first_failure: None }
    }

    /// All that is to be tried.
    pub(super) fn plan(&mut self, steps: Vec<Step>) {
        self.left = steps;
    }

    /// The first hop that failed.
    pub(super) fn first_failure(self) -> Option<Step> {
        self.first_failure
    }

    /// It went well.
    pub(super) fn ok(&mut self, step: Step, message: String, evidence: Evidence) {
        self.say(&StepResult {
            step,
            status: StepStatus::Ok,
            reason: None,
            message,
            remediation: None,
            evidence,
        });
    }

    /// It went well enough, but for what the sentence says.
    pub(super) fn warn(&mut self, step: Step, message: String, evidence: Evidence) {
        self.say(&StepResult {
            step,
            status: StepStatus::Warning,
            reason: None,
            message,
            remediation: None,
            evidence,
        });
    }

    /// It went badly, and the app can do without it.
    pub(super) fn warn_of(&mut self, step: Step, fault: &Fault, evidence: Evidence) {
        self.say(&StepResult { status: StepStatus::Warning, ..of_fault(step, fault, evidence) });
    }

    /// It went badly, and the next ones may still be tried.
    pub(super) fn failed(&mut self, step: Step, message: String, evidence: Evidence) {
        self.say(&StepResult {
            step,
            status: StepStatus::Failed,
            reason: None,
            message,
            remediation: None,
            evidence,
        });
    }

    /// It went badly, and the next ones need it.
    pub(super) fn stop(&mut self, step: Step, fault: &Fault, evidence: Evidence) -> Stopped {
        self.say(&of_fault(step, fault, evidence));
        Stopped
    }

    /// The settings are not right, so that nothing can be tried.
    pub(super) fn unset(&mut self, error: &SettingsError) {
        self.failed(Step::Settings, error.to_string(), Evidence::default());
    }

    /// It needs one that went badly.
    pub(super) fn skip(&mut self, step: Step, needs: Step) {
        let message = format!("not tried, since {} failed", needs.title());
        self.say(&StepResult {
            step,
            status: StepStatus::Skipped,
            reason: None,
            message,
            remediation: None,
            evidence: Evidence::default(),
        });
    }

    /// All that is left needs the one that went badly.
    pub(super) fn skip_the_rest(&mut self) {
        let Some(needs) = self.first_failure else { return };
        while let Some(&step) = self.left.first() {
            self.skip(step, needs);
        }
    }

    fn say(&mut self, result: &StepResult) {
        self.left.retain(|step| *step != result.step);
        if result.status == StepStatus::Failed {
            self.first_failure = self.first_failure.or(Some(result.step));
        }
        (self.tell)(result);
    }
}

fn of_fault(step: Step, fault: &Fault, evidence: Evidence) -> StepResult {
    let reason = Some(fault.reason().code().to_owned());
    StepResult {
        step,
        status: StepStatus::Failed,
        reason,
        message: fault.to_string(),
        remediation: None,
        evidence,
    }
}
