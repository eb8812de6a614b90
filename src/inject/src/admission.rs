//! The decision about one pod.

use rolebridge_core::annotations::INJECT;
use rolebridge_core::pod_names::CONTAINER;

use crate::context::Context;
use crate::denial::Denial;
use crate::metadata_dependency::MetadataDependency;
use crate::opt_in::{OptIn, SkipReason};
use crate::patch::{self, Patch};
use crate::reason::Reason;
use crate::settings::{Settings, resolve};
use crate::view::{
    MAX_CONTAINERS, MAX_INJECTED_ITEMS, MAX_INJECTED_VOLUMES, MAX_ITEMS, MAX_VOLUMES, Pod, WindowsField,
};
use crate::{reinvocation, unknown_keys, warnings};

/// The decision about a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The pod gets this patch, which is never empty.
    Patch(Patch),
    /// The pod passes unchanged: it is not opted in, or already injected ([`Reason::AlreadyInjected`]).
    Skip(Reason),
    /// The pod is denied.
    Deny(Denial),
}

/// The decision about a pod, with everything that was derived for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission<'a> {
    /// The decision.
    pub decision: Decision,
    /// The settings of an opted-in pod, unless they could not be resolved.
    pub settings: Option<Settings<'a>>,
    /// Sentences for the user, shown by `kubectl`.
    pub warnings: Vec<String>,
    /// The objects of which a newer version could change this denial or skip.
    pub depends_on_metadata: MetadataDependency,
}

/// Decides about a pod.
#[must_use]
pub fn admit<'a>(pod: &'a Pod<'_>, context: &Context<'a>) -> Admission<'a> {
    if pod.is_mirror() {
        return Admission::skip(Reason::MirrorPod);
    }
    match pod.opted_in_by(context) {
        Ok(Some(opt_in)) => admit_opted_in(pod, context, opt_in),
        Ok(None) => {
            let SkipReason { reason, warnings, depends_on_metadata } = pod.skip_reason(context);
            Admission { warnings, depends_on_metadata, ..Admission::skip(reason) }
        }
        Err(denial) => Admission::deny(denial),
    }
}

/// The name of the program in a warning, which `kubectl` shows next to other webhooks' warnings.
const NAME: &str = "Rolebridge";

fn admit_opted_in<'a>(pod: &'a Pod<'_>, context: &Context<'a>, opt_in: OptIn) -> Admission<'a> {
    let mut settings = None;
    match build_patch(pod, context, &mut settings) {
        Ok((patch, warnings)) => {
            let decision = patch.map_or(Decision::Skip(Reason::AlreadyInjected), Decision::Patch);
            Admission { decision, settings, warnings, depends_on_metadata: MetadataDependency::NONE }
        }
        // A pod that was injected elsewhere would keep what was decided there, or wait for a token for ever.
        Err(denial)
            if opt_in == OptIn::Namespace
                && denial.is_missing_prerequisite()
                && !reinvocation::is_injected(pod) =>
        {
            Admission {
                settings,
                warnings: vec![format!("Not injected by {NAME}: {}", denial.message)],
                depends_on_metadata: denial.depends_on_metadata,
                ..Admission::skip(denial.reason)
            }
        }
        // A newer namespace might not opt the pod in. An object that is too large is not worth a read.
        Err(denial) if opt_in == OptIn::Namespace && denial.reason != Reason::TooLarge => {
            let depends_on_metadata = denial.depends_on_metadata | MetadataDependency::NAMESPACE;
            Admission { settings, depends_on_metadata, ..Admission::deny(denial) }
        }
        Err(denial) => Admission { settings, ..Admission::deny(denial) },
    }
}

/// Resolves the settings into `settings` and builds the patch. Returns no patch if the pod is already injected.
fn build_patch<'a>(
    pod: &'a Pod<'_>,
    context: &Context<'a>,
    settings: &mut Option<Settings<'a>>,
) -> Result<(Option<Patch>, Vec<String>), Denial> {
    if let Some(WindowsField { path, expected, found }) = pod.runs_on_windows() {
        let message = format!(
            "{path} on the pod: expected {expected}, because the sidecar does not run on Windows, found {found}. Fix: run \
             the pod on Linux, or set {INJECT}: \"false\" on it."
        );
        return Err(Denial::for_pod(Reason::Windows, message));
    }
    unknown_keys::check(pod)?;
    check_size(pod)?;
    let sidecar = reinvocation::existing_sidecar(pod)?;
    let settings = settings.insert(resolve(pod, context)?);
    let warnings = warnings::for_settings(pod, context, settings);
    patch::build(pod, context, settings, sidecar.as_ref(), warnings)
}

/// Denies a pod with more containers, items in their lists, or volumes, than a node runs. What Rolebridge adds does not count, or it would
/// deny the pod when the webhook is called again.
fn check_size(pod: &Pod<'_>) -> Result<(), Denial> {
    let has_sidecar = pod.init_containers().iter().any(|container| *container.name == *CONTAINER);
    let count = pod.count_containers() - usize::from(has_sidecar);
    let (max_items, max_volumes) = if reinvocation::has_volume(pod) {
        (MAX_INJECTED_ITEMS, MAX_INJECTED_VOLUMES)
    } else {
        (MAX_ITEMS, MAX_VOLUMES)
    };
    let problem = if count > MAX_CONTAINERS {
        format!("Containers on the pod: expected at most {MAX_CONTAINERS}, found {count}")
    } else if pod.count_items() > max_items {
        format!(
            "Containers on the pod: expected at most {MAX_ITEMS} variables, mounts, ports and arguments, found more"
        )
    } else if pod.count_volumes() > max_volumes {
        format!("Volumes on the pod: expected at most {MAX_VOLUMES}, found more")
    } else {
        return Ok(());
    };
    let message = format!("{problem}. Fix: split the pod, or set {INJECT}: \"false\" on it.");
    Err(Denial::for_pod(Reason::PodTooLarge, message))
}

impl Admission<'_> {
    /// Drops the settings, which borrow from the pod and the context.
    #[must_use]
    pub fn without_settings(self) -> Admission<'static> {
        let Self { decision, settings: _, warnings, depends_on_metadata } = self;
        Admission { decision, settings: None, warnings, depends_on_metadata }
    }

    /// Returns the objects that must be known for this decision: for an injection both, because they hold settings.
    #[must_use]
    pub fn requires_metadata(&self) -> MetadataDependency {
        match self.decision {
            Decision::Patch(_) | Decision::Skip(Reason::AlreadyInjected) => MetadataDependency::BOTH,
            Decision::Skip(_) | Decision::Deny(_) => self.depends_on_metadata,
        }
    }

    fn skip(reason: Reason) -> Self {
        let decision = Decision::Skip(reason);
        let depends_on_metadata = MetadataDependency::NONE;
        Self { decision, settings: None, warnings: Vec::new(), depends_on_metadata }
    }

    fn deny(denial: Denial) -> Self {
        let depends_on_metadata = denial.depends_on_metadata;
        Self { decision: Decision::Deny(denial), settings: None, warnings: Vec::new(), depends_on_metadata }
    }
}
