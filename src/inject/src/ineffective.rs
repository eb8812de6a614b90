//! Warns about Rolebridge keys that have no effect: keys set as labels, and settings on a pod that did not opt in.

use rolebridge_core::annotations::{INJECT, PREFIX};

use crate::message::{DisplayName, MAX_NAMES_IN_WARNING, join_names};
use crate::object_metadata::MAX_UNKNOWN_KEYS;
use crate::unknown_keys;
use crate::view::{Annotations, Pod};

/// Returns the warning about a pod that is not opted in, if there is one.
pub(crate) fn without_opt_in(pod: &Pod<'_>) -> Option<String> {
    warn_about_labels(pod).or_else(|| misspelled_opt_in(pod)).or_else(|| unused_settings(pod))
}

/// Returns a warning about Rolebridge keys among the pod's labels, except those that are also set as annotations.
pub(crate) fn warn_about_labels(pod: &Pod<'_>) -> Option<String> {
    let labels = pod.rolebridge_labels().filter(|key| pod.annotation(key).is_none());
    let labels = join_names(MAX_NAMES_IN_WARNING, labels)?;
    Some(format!("Labels on the pod have no effect: {labels}. Fix: set them as annotations."))
}

fn misspelled_opt_in(pod: &Pod<'_>) -> Option<String> {
    let key = annotations(pod)
        .filter(|key| !unknown_keys::is_known(key))
        .take(MAX_UNKNOWN_KEYS)
        .find(|key| unknown_keys::closest_match(key) == Some(INJECT))?;
    let suggestion = unknown_keys::suggestion(key);
    Some(format!("{} on the pod: unknown annotation.{suggestion}", DisplayName(key)))
}

fn unused_settings(pod: &Pod<'_>) -> Option<String> {
    let keys = join_names(MAX_NAMES_IN_WARNING, annotations(pod))?;
    Some(format!(
        "Annotations on the pod have no effect, because it is not opted in: {keys}. Fix: set {INJECT}: \"true\" on the pod."
    ))
}

/// Returns the Rolebridge annotations that the webhook itself does not write.
fn annotations<'a>(pod: &'a Pod<'_>) -> impl Iterator<Item = &'a str> {
    let keys = pod.annotations().into_iter().flat_map(Annotations::keys);
    keys.filter(|key| key.starts_with(PREFIX) && !unknown_keys::is_status_annotation(key))
}
