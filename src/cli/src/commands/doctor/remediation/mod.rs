//! The remediation for the first failed step, with the names of the pod: its role, its issuer, its service account.
//!
//! Pure: depends on the results of the steps alone.

mod aws;
mod evidence;
mod google;
mod network;
#[cfg(test)]
mod tests;

use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};

use self::evidence::PodEvidence;
pub(super) use self::evidence::ServiceAccountRef;
use crate::commands::doctor::diagnosis::{Remediation, Witness};

/// Returns the remediation for the first failed step.
///
/// Steps with a reason code come first: the sidecar's own steps are more specific than the external checks. `account` is
/// the pod's service account, or `None` to read it from the projected token in the results.
pub(super) fn remediation(
    steps: &[StepResult],
    account: Option<ServiceAccountRef<'_>>,
) -> Option<Remediation> {
    let failed = || steps.iter().filter(|result| result.status == StepStatus::Failed);
    let failed = failed().find(|result| result.reason.is_some()).or_else(|| failed().next())?;
    let reason = failed.reason.as_deref().unwrap_or_default();
    let evidence = PodEvidence::new(steps, failed, account);
    network::remediation(reason, &evidence)
        .or_else(|| aws::remediation(reason, &evidence))
        .or_else(|| google::remediation(reason, &evidence))
        .or_else(|| generic_remediation(failed))
        .map(|remediation| Remediation { stated_by: Witness::Pod, ..remediation })
}

/// Returns the remediation that the sidecar reported, or that of its settings.
fn generic_remediation(failed: &StepResult) -> Option<Remediation> {
    if failed.step == Step::Settings {
        let summary = "recreate the pod, and compare its container rolebridge with the output of `rolebridge explain`. The \
                       webhook writes the sidecar's environment, so another webhook or a person has changed it since.";
        return Some(Remediation::new(summary, ""));
    }
    failed.remediation.as_ref().map(|remediation| Remediation::new(format!("{remediation}."), ""))
}
