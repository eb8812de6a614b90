//! The denial of a pod, as its author reads it.

use crate::metadata_dependency::MetadataDependency;
use crate::reason::Reason;

/// The denial of a pod, for the person who must fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// The location, the expected and the found value, and the fix.
    pub message: String,
    /// The objects of which a newer version could change the decision.
    pub depends_on_metadata: MetadataDependency,
}

impl Denial {
    /// Creates a denial that only a change of the pod can fix.
    pub(crate) fn for_pod(reason: Reason, message: String) -> Self {
        Self { reason, message, depends_on_metadata: MetadataDependency::NONE }
    }

    /// Creates a denial that another annotation of the service account or the namespace might fix.
    pub(crate) fn for_settings(reason: Reason, message: String) -> Self {
        Self { reason, message, depends_on_metadata: MetadataDependency::BOTH }
    }

    /// Returns true if a pod that only its namespace opted in is skipped instead: debug pods, hooks and `DaemonSet`s
    /// run in such a namespace too.
    pub(crate) fn is_missing_prerequisite(&self) -> bool {
        matches!(
            self.reason,
            Reason::NoProvider
                | Reason::NoAwsIdentity
                | Reason::NoContainers
                | Reason::Windows
                | Reason::HostNetwork
        )
    }
}
