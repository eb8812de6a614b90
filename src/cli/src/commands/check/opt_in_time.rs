//! OptInTime when a pod has opted in: it decides whether the webhook could have been args.

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Pod;
use rolebridge_core::annotations::INJECT;

/// Both times are whole seconds.
const SAME: SignedDuration = SignedDuration::from_secs(1);

/// When the pod said that it opts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OptInTime {
    /// When it was made.
    AtCreation,
    /// After that, when nobody is args any more.
    AfterCreation,
    /// Nobody knows: its namespace said it, or who said it kept no record.
    Unknown,
}

impl OptInTime {
    /// By the record that the API server keeps of who set which field, and when.
    pub(crate) fn of(pod: &Pod) -> Self {
        let metadata = &pod.metadata;
        let records = metadata.managed_fields.iter().flatten();
        let said = records.filter(|record| {
            let fields = record.fields_v1.as_ref().map(|fields| &fields.0);
            fields.is_some_and(|fields| {
                fields["f:metadata"]["f:annotations"].get(format!("f:{INJECT}")).is_some()
            })
        });
        let said = said.filter_map(|record| record.time.as_ref()).map(|time| time.0).min();
        let made = metadata.creation_timestamp.as_ref().map(|time| time.0);
        match (made, said) {
            (Some(made), Some(said)) if said.duration_since(made) > SAME => Self::AfterCreation,
            (Some(_), Some(_)) => Self::AtCreation,
            _ => Self::Unknown,
        }
    }
}
