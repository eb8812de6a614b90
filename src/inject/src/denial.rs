//! A refusal: what the user reads when a pod is denied.

use crate::Reason;

/// Why a pod is denied, for the person who must mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The kind of reason.
    pub reason: Reason,
    /// What was found, where, and what would be right.
    pub message: String,
    /// Whether a fresher service account or namespace could turn it into something else.
    pub depends_on_metadata: bool,
}

impl Denial {
    /// A refusal that only the pod itself can mend.
    pub(crate) fn of_pod(reason: Reason, message: String) -> Self {
        Self { reason, message, depends_on_metadata: false }
    }

    /// A refusal that another annotation of the service account or the namespace might mend.
    pub(crate) fn of_settings(reason: Reason, message: String) -> Self {
        Self { reason, message, depends_on_metadata: true }
    }

    /// Whether a pod that only its namespace opted in passes unchanged instead: debug pods, hooks and daemons live in
    /// such a namespace too.
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
