//! Previews the injection of a workload's pods, as warnings only. `kubectl apply` then shows the messages that would
//! otherwise only reach the events of its ReplicaSet.

mod search;

use std::collections::BTreeSet;

use rolebridge_core::annotations::PREFIX;
use serde::Deserialize;

pub use self::search::{MAX_DEPTH, MAX_FOUND, PodTemplate, PodTemplates, StrayKey, path};
use crate::admission::{Admission, Decision, admit};
use crate::context::Context;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::metadata_dependency::MetadataDependency;
use crate::view::{Annotations, BorrowedStr, Labels, ObjectMeta, Pod};

/// A workload with a pod template: a Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or CronJob.
#[derive(Debug, Clone, Deserialize)]
pub struct Workload<'a> {
    #[serde(borrow)]
    kind: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    metadata: Option<ObjectMeta<'a>>,
    #[serde(borrow)]
    spec: Option<Spec<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow)]
    template: Option<Pod<'a>>,
    #[serde(borrow)]
    job_template: Option<JobTemplate<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
struct JobTemplate<'a> {
    #[serde(borrow)]
    spec: Option<JobSpec<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
struct JobSpec<'a> {
    #[serde(borrow)]
    template: Option<Pod<'a>>,
}

impl<'a> Workload<'a> {
    /// Returns the pod template. Its service account determines the metadata that the preview needs.
    #[must_use]
    pub fn template(&self) -> Option<&Pod<'a>> {
        let spec = self.spec.as_ref()?;
        let in_job = || spec.job_template.as_ref()?.spec.as_ref()?.template.as_ref();
        spec.template.as_ref().or_else(in_job)
    }

    /// Returns a warning if Rolebridge keys are set on the workload itself instead of on its pods. They have no effect there,
    /// and the mistake is a common one.
    #[must_use]
    pub fn misplaced_keys(&self) -> Option<String> {
        let ObjectMeta { annotations, labels } = self.metadata.as_ref()?;
        let template = self.template()?;
        let keys = annotations.iter().flat_map(Annotations::keys);
        let keys = keys.chain(labels.iter().flat_map(Labels::keys));
        let is_misplaced = |key: &&str| key.starts_with(PREFIX) && template.annotation(key).is_none();
        let names: BTreeSet<_> = keys.filter(is_misplaced).collect();
        let (verb, pronoun) = if names.len() == 1 { ("has", "it") } else { ("have", "them") };
        let names = join_names(MAX_NAMES_IN_WARNING, names)?;
        Some(format!(
            "{names} on the {} {verb} no effect. Fix: set {pronoun} in the annotations of the pod template.",
            self.kind()
        ))
    }

    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("workload")
    }
}

/// The warnings about a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadPreview {
    /// The warnings, each a sentence.
    pub warnings: Vec<String>,
    /// The objects of which a newer version could change the warnings.
    pub depends_on_metadata: MetadataDependency,
}

/// Previews the injection of the workload's pods.
#[must_use]
pub fn preview(workload: &Workload<'_>, context: &Context<'_>) -> WorkloadPreview {
    let Some(template) = workload.template() else { return WorkloadPreview::default() };
    let mut preview = preview_pods(workload.kind(), template, context);
    preview.warnings.extend(workload.misplaced_keys());
    preview
}

/// Previews the injection of the pods that an object of a kind creates from a template.
#[must_use]
pub fn preview_pods(kind: &str, template: &Pod<'_>, context: &Context<'_>) -> WorkloadPreview {
    let Admission { decision, mut warnings, depends_on_metadata, .. } = admit(template, context);
    if let Decision::Deny(denial) = &decision {
        warnings.push(format!("The pods of this {kind} will be denied: {}", denial.message));
    }
    WorkloadPreview { warnings, depends_on_metadata }
}
