//! The platform team's document.

use crate::cluster::chart_names::map_of_defaults;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::InstallationSnapshot;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    let object =
        format!("ConfigMap/{}/{}", snapshot.release.namespace, map_of_defaults(&snapshot.release.name));
    let (severity, message) = match &snapshot.defaults {
        Err(why) => return vec![Finding::unseen(Check::Defaults, object, why)],
        Ok(None) => (
            Severity::Error,
            "It is not there, so no new replica starts: `helm upgrade` makes it again.".to_owned(),
        ),
        Ok(Some(Err(error))) => (
            Severity::Error,
            format!(
                "It cannot be used: {}. Replicas go on with what they read before, and a new one does not start.",
                error.lines().next().unwrap_or_default().trim_end_matches('.')
            ),
        ),
        Ok(Some(Ok(defaults))) => {
            (Severity::Ok, format!("It can be read; new pods get the sidecar {}.", defaults.image()))
        }
    };
    vec![Finding::new(Check::Defaults, severity, object, message)]
}
