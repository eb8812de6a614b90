//! Keys of ours where nobody hears them: among a pod's labels, or on a pod that nobody opted in. Whoever wrote them meant
//! something by them.

use rolebridge_core::annotations::{INJECT, PREFIX};

use crate::message::{DisplayName, MAX_NAMES_IN_WARNING, join_names};
use crate::view::Annotations;
use crate::{Pod, unknown_keys};

/// What to say about a pod that nobody opted in.
pub(crate) fn without_opt_in(pod: &Pod<'_>) -> Option<String> {
    warn_about_labels(pod).or_else(|| almost_opted_in(pod)).or_else(|| unused_settings(pod))
}

/// What to say about any pod, unless the same stands among its annotations.
pub(crate) fn warn_about_labels(pod: &Pod<'_>) -> Option<String> {
    let said =
        join_names(MAX_NAMES_IN_WARNING, pod.labels_of_ours().filter(|key| pod.annotation(key).is_none()))?;
    Some(format!("Only the pod's annotations have an effect; these stand among its labels: {said}."))
}

fn almost_opted_in(pod: &Pod<'_>) -> Option<String> {
    let key = annotations(pod)
        .find(|key| !unknown_keys::is_known(key) && unknown_keys::closest_match(key) == Some(INJECT))?;
    Some(format!("{} (on the pod) does not exist.{}", DisplayName(key), unknown_keys::suggestion(key)))
}

fn unused_settings(pod: &Pod<'_>) -> Option<String> {
    let said = join_names(MAX_NAMES_IN_WARNING, annotations(pod))?;
    Some(format!(
        "Nobody opted the pod in, and so these have no effect: {said}. {INJECT}: \"true\" among its annotations opts it in."
    ))
}

/// What somebody else than the webhook wrote.
fn annotations<'a>(pod: &'a Pod<'_>) -> impl Iterator<Item = &'a str> {
    let keys = pod.annotations().into_iter().flat_map(Annotations::keys);
    keys.filter(|key| key.starts_with(PREFIX) && !unknown_keys::is_status_annotation(key))
}
