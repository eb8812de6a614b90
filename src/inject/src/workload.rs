//! The answer for a Deployment and its like: warnings alone, so that `kubectl apply` shows the sentences which would
//! otherwise only reach the events of its ReplicaSet.

use rolebridge_core::annotations::INJECT;
use serde::Deserialize;

use crate::view::{Annotations, BorrowedStr, Labels, ObjectMeta};
use crate::{Admission, Context, Decision, Pod, admit};

/// A Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or CronJob: whatever has a pod template.
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
    /// Its pod template; its service account tells which metadata the advice needs.
    #[must_use]
    pub fn template(&self) -> Option<&Pod<'a>> {
        let spec = self.spec.as_ref()?;
        let of_job = || spec.job_template.as_ref()?.spec.as_ref()?.template.as_ref();
        spec.template.as_ref().or_else(of_job)
    }

    /// What to say where the opt-in or the opt-out stands on the workload itself instead of on its pods: without effect,
    /// and easily done.
    #[must_use]
    pub fn misplaced_opt_in(&self) -> Option<String> {
        let ObjectMeta { annotations, labels } = self.metadata.as_ref()?;
        let annotated = annotations.iter().flat_map(Annotations::keys);
        let said = annotated.chain(labels.iter().flat_map(Labels::keys)).any(|key| key == INJECT);
        (said && self.template()?.annotation(INJECT).is_none()).then(|| {
            format!(
                "{INJECT} on the {} itself has no effect: it belongs into the annotations of the pod template.",
                self.kind()
            )
        })
    }

    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("workload")
    }
}

/// What to say about a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkloadPreview {
    /// Sentences for the user.
    pub warnings: Vec<String>,
    /// Whether a fresher service account or namespace could change them.
    pub depends_on_metadata: bool,
}

/// What would become of the workload's pods.
#[must_use]
pub fn preview(workload: &Workload<'_>, context: &Context<'_>) -> WorkloadPreview {
    let Some(template) = workload.template() else { return WorkloadPreview::default() };
    let Admission { decision, mut warnings, depends_on_metadata } = admit(template, context);
    if let Decision::Deny(refusal) = &decision {
        warnings.push(format!("The pods of this {} will be refused: {}", workload.kind(), refusal.message));
    }
    warnings.extend(workload.misplaced_opt_in());
    WorkloadPreview { warnings, depends_on_metadata }
}
