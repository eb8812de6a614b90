//! When a pod opted in, which decides whether the webhook could have seen it.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;
use rolebridge_core::annotations::INJECT;

/// The tolerance between two timestamps, which are whole seconds.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);

/// The time at which a pod opted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OptInTime {
    /// The pod opted in when it was created.
    AtCreation,
    /// The pod opted in later, when the webhook does not see it.
    AfterCreation,
    /// Unknown: the namespace opted the pod in, or `managedFields` has no entry for the annotation.
    Unknown,
}

impl OptInTime {
    /// Returns the opt-in time by `managedFields`, in which the API server records who set which field and when.
    pub(crate) fn of(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        let entries = metadata.managed_fields.iter().flatten();
        let annotation_entries = entries.filter(|entry| {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
            fields.is_some_and(|fields| {
                fields["f:metadata"]["f:annotations"].get(format!("f:{INJECT}")).is_some()
            })
        });
        let opted_in = annotation_entries.filter_map(|entry| entry.time.as_ref()).map(|time| time.0).min();
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        match (created, opted_in) {
            (Some(created), Some(opted_in)) if opted_in.duration_since(created) > TOLERANCE => {
                Self::AfterCreation
            }
            (Some(_), Some(_)) => Self::AtCreation,
            _ => Self::Unknown,
        }
    }
}
