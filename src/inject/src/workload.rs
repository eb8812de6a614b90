//! Previews the injection of a workload's pods, as warnings only. `kubectl apply` then shows the messages that would
//! otherwise only reach the events of its ReplicaSet.

use rolebridge_core::annotations::INJECT;
use serde::Deserialize;

use crate::admission::{Admission, Decision, admit};
use crate::context::Context;
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

    /// Returns a warning if the opt-in or the opt-out is set on the workload itself instead of on its pods. It has no effect
    /// there, and the mistake is a common one.
    #[must_use]
    pub fn misplaced_opt_in(&self) -> Option<String> {
        let ObjectMeta { annotations, labels } = self.metadata.as_ref()?;
        let keys = annotations.iter().flat_map(Annotations::keys);
        let is_set = keys.chain(labels.iter().flat_map(Labels::keys)).any(|key| key == INJECT);
        (is_set && self.template()?.annotation(INJECT).is_none()).then(|| {
            format!(
                "{INJECT} on the {} has no effect. Fix: set it in the annotations of the pod template.",
                self.kind()
            )
        })
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
    let Admission { decision, mut warnings, depends_on_metadata, .. } = admit(template, context);
    if let Decision::Deny(denial) = &decision {
        warnings.push(format!("The pods of this {} will be denied: {}", workload.kind(), denial.message));
    }
    warnings.extend(workload.misplaced_opt_in());
    WorkloadPreview { warnings, depends_on_metadata }
}
