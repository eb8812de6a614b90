//! The platform team's `defaults.yaml`.

use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::InstallationSnapshot;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let object = format!("ConfigMap/{}/{}", snapshot.release.namespace, snapshot.release.defaults_name());
    let (severity, message) = match &snapshot.defaults {
        Err(message) => return vec![Finding::unreadable(Check::Defaults, object, message)],
        Ok(None) => (
            Severity::Error,
            "It does not exist, so no new replica starts. Fix: run `helm upgrade` to recreate it.".to_owned(),
        ),
        Ok(Some(Err(error))) => (
            Severity::Error,
            format!(
                "It is invalid: {}. Running replicas keep the previous defaults, and new replicas do not start.",
                error.lines().next().unwrap_or_default().trim_end_matches('.')
            ),
        ),
        Ok(Some(Ok(defaults))) => {
            (Severity::Ok, format!("It is valid; new pods get the sidecar {}.", defaults.image()))
        }
    };
    vec![Finding::new(Check::Defaults, severity, object, message)]
}
