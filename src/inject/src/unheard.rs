//! Keys of ours where nobody hears them: among a pod's labels, or on a pod that nobody opted in. Whoever wrote them meant
//! something by them.

use rolebridge_core::annotations::{INJECT, PREFIX};

use crate::sentence::{MOST_IN_WARNING, Name, names};
use crate::view::Annotations;
use crate::{Pod, spelling};

/// What to say about a pod that nobody opted in.
pub(crate) fn without_opt_in(pod: &Pod<'_>) -> Option<String> {
    among_labels(pod).or_else(|| almost_opted_in(pod)).or_else(|| settings_of_nothing(pod))
}

/// What to say about any pod, unless the same stands among its annotations.
pub(crate) fn among_labels(pod: &Pod<'_>) -> Option<String> {
    let said = names(MOST_IN_WARNING, pod.labels_of_ours().filter(|key| pod.annotation(key).is_none()))?;
    Some(format!("Only the pod's annotations have an effect; these stand among its labels: {said}."))
}

fn almost_opted_in(pod: &Pod<'_>) -> Option<String> {
    let key =
        annotations(pod).find(|key| !spelling::is_known(key) && spelling::nearest(key) == Some(INJECT))?;
    Some(format!("{} (on the pod) does not exist.{}", Name(key), spelling::suggestion(key)))
}

fn settings_of_nothing(pod: &Pod<'_>) -> Option<String> {
    let said = names(MOST_IN_WARNING, annotations(pod))?;
    Some(format!(
        "Nobody opted the pod in, and so these have no effect: {said}. {INJECT}: \"true\" among its annotations opts it in."
    ))
}

/// What somebody else than the webhook wrote.
fn annotations<'a>(pod: &'a Pod<'_>) -> impl Iterator<Item = &'a str> {
    let keys = pod.annotations().into_iter().flat_map(Annotations::keys);
    keys.filter(|key| key.starts_with(PREFIX) && !spelling::is_written(key))
}
