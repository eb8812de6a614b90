//! The decision about one pod.

use rolebridge_core::annotations::INJECT;

use crate::opt_in::SkipReason;
use crate::{
    Defaults, Denial, ObjectMetadata, OptIn, Patch, Pod, Reason, patch, reinvocation, resolve, unknown_keys,
};

/// What a pod is judged by, beside itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The namespace's name, from the request: a pod of a Deployment may not carry it.
    pub namespace: &'a str,
    /// Its service account's metadata; `None` where there is no such service account.
    pub service_account: Option<&'a ObjectMetadata>,
    /// Its namespace's metadata; `None` where there is no such namespace.
    pub namespace_metadata: Option<&'a ObjectMetadata>,
    /// The platform team's document.
    pub defaults: &'a Defaults,
}

/// What becomes of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It gets this patch, which is never empty.
    Patch(Patch),
    /// It stays as it is: it is none of ours, or already has everything ([`Reason::AlreadyInjected`]).
    Skip(Reason),
    /// It is denied.
    Deny(Denial),
}

/// A decision, with what the user should hear about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// What becomes of the pod.
    pub decision: Decision,
    /// Sentences for the user, shown by `kubectl`.
    pub warnings: Vec<String>,
    /// Whether a fresher service account or namespace could turn this refusal or skip into something else.
    pub depends_on_metadata: bool,
}

/// Decides about a pod.
#[must_use]
pub fn admit(pod: &Pod<'_>, context: &Context<'_>) -> Admission {
    if pod.is_mirror() {
        return Admission::unchanged(Reason::MirrorPod);
    }
    match pod.opted_in_by(context) {
        Ok(Some(by)) => admit_opted_in(pod, context, by),
        Ok(None) => {
            let SkipReason { reason, warnings, depends_on_metadata } = pod.skip_reason(context);
            Admission { warnings, depends_on_metadata, ..Admission::unchanged(reason) }
        }
        Err(refusal) => Admission::refused(refusal),
    }
}

/// Decides about a pod that somebody opted in.
fn admit_opted_in(pod: &Pod<'_>, context: &Context<'_>, by: OptIn) -> Admission {
    match build_patch(pod, context) {
        Ok((Some(patch), warnings)) => {
            Admission { decision: Decision::Patch(patch), warnings, depends_on_metadata: false }
        }
        Ok((None, warnings)) => Admission { warnings, ..Admission::unchanged(Reason::AlreadyInjected) },
        Err(refusal) if by == OptIn::Namespace && refusal.is_missing_prerequisite() => Admission {
            decision: Decision::Skip(refusal.reason),
            warnings: vec![format!("Not injected by {NAME}: {}", refusal.message)],
            depends_on_metadata: refusal.depends_on_metadata,
        },
        // A fresher namespace may not opt the pod in at all.
        Err(refusal) if by == OptIn::Namespace => {
            Admission { depends_on_metadata: true, ..Admission::refused(refusal) }
        }
        Err(refusal) => Admission::refused(refusal),
    }
}

/// Who speaks, in a warning that others' warnings stand beside.
const NAME: &str = "Rolebridge";

fn build_patch(pod: &Pod<'_>, context: &Context<'_>) -> Result<(Option<Patch>, Vec<String>), Denial> {
    if let Some(field) = pod.runs_on_windows() {
        let message = format!(
            "The pod runs on Windows ({field}: \"windows\"), for which there is no sidecar. Run it on Linux, or set \
             {INJECT}: \"false\" on it."
        );
        return Err(Denial::of_pod(Reason::Windows, message));
    }
    unknown_keys::check(pod)?;
    let sidecar = reinvocation::existing_sidecar(pod)?;
    let settings = resolve(pod, context)?;
    patch::make(pod, context, &settings, sidecar)
}

impl Admission {
    fn unchanged(reason: Reason) -> Self {
        Self { decision: Decision::Skip(reason), warnings: Vec::new(), depends_on_metadata: false }
    }

    fn refused(refusal: Denial) -> Self {
        let depends_on_metadata = refusal.depends_on_metadata;
        Self { decision: Decision::Deny(refusal), warnings: Vec::new(), depends_on_metadata }
    }
}
