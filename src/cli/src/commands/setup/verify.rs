//! Verifies a plan with the webhook's own engine and against Google's limits.

use rolebridge_core::annotations as key;
use rolebridge_core::google::MAX_SUBJECT_LEN;
use rolebridge_inject::Decision;
use rolebridge_inject::defaults::{Defaults, LOCKED};

use crate::admission::evaluate_all;
use crate::commands::setup::kubernetes;
use crate::commands::setup::plan::SetupPlan;
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::Manifests;

/// Admits a pod of the service account, checks the length of its subject, and returns notes for the user.
///
/// # Errors
///
/// Returns an error if the webhook would not inject the pod, or if Google would reject its subject.
pub(super) fn verify(plan: &SetupPlan) -> Result<Vec<String>, CliError> {
    let documents = Document::read_all("setup", &kubernetes::write(plan)?)?;
    // The cluster's locked settings are not known here.
    let defaults = Defaults::from_yaml("locked: []").map_err(|error| CliError::Setup(error.to_string()))?;
    let manifests = Manifests::new(documents, defaults, plan.namespace.clone());
    let (_, evaluation) = evaluate_all(&manifests, None)?.remove(0);
    if !matches!(evaluation.decision, Decision::Patch(_)) {
        return Err(CliError::Setup(evaluation.message().unwrap_or_default().to_owned()));
    }
    let subject = plan.subject(evaluation.setting(key::SESSION_NAME).unwrap_or_default());
    if subject.len() > MAX_SUBJECT_LEN {
        return Err(CliError::Setup(format!(
            "google.subject: expected at most {MAX_SUBJECT_LEN} bytes, found {} in {subject:?}. Fix: use a shorter name, \
             or a provider that maps google.subject to a shorter value.",
            subject.len()
        )));
    }
    let mut notes = evaluation.warnings;
    notes.push(format!("google.subject is {subject}, {} of {MAX_SUBJECT_LEN} bytes.", subject.len()));
    if plan.annotations.iter().any(|(annotation, _)| LOCKED.contains(annotation)) {
        let note = "Endpoints and the universe are locked unless the platform team has unlocked them. Locked settings \
                    must be set on the namespace or in the chart's defaults.";
        notes.push(note.to_owned());
    }
    Ok(notes)
}
