//! Warnings about settings that have no effect.

use rolebridge_core::annotations::{self as key, INJECT};

use crate::context::Context;
use crate::message::{DisplayName, MAX_NAMES_IN_WARNING, join_names};
use crate::patch::resources::PodLevel;
use crate::settings::{Origin, Precedence, Setting, Settings, Sidecar};
use crate::unknown_keys;
use crate::view::Pod;

/// Annotations that have an effect only with a sidecar.
const SIDECAR_SETTINGS: &[&str] = &[
    key::PORT,
    key::METRICS_PORT,
    key::CA_BUNDLE,
    key::HTTPS_PROXY,
    key::NO_PROXY,
    key::STARTUP_TIMEOUT,
    key::CPU_REQUEST,
    key::CPU_LIMIT,
    key::MEMORY_REQUEST,
    key::MEMORY_LIMIT,
    key::LOG_LEVEL,
];

/// Returns a warning about sidecar settings on a pod without a sidecar.
pub(super) fn sidecar_settings(pod: &Pod<'_>) -> Option<String> {
    let keys = SIDECAR_SETTINGS.iter().copied().filter(|key| pod.annotation(key).is_some());
    let keys = join_names(MAX_NAMES_IN_WARNING, keys)?;
    Some(format!("Annotations on the pod have no effect, because it needs no sidecar: {keys}."))
}

/// Returns a warning about resources of the sidecar in a pod with pod-level resources.
pub(super) fn resources(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let Sidecar { cpu, memory, .. } = settings.sidecar;
    let is_set = |setting: Setting<_>| setting.origin.is_annotated();
    let pod_level = PodLevel::of(pod);
    let ineffective = [(cpu, pod_level.cpu), (memory, pod_level.memory)]
        .into_iter()
        .any(|(bounds, is_pod_level)| is_pod_level && (is_set(bounds.request) || is_set(bounds.limit)));
    ineffective.then(|| {
        "The sidecar's requests and limits have no effect, because the pod sets spec.resources.".to_owned()
    })
}

/// Returns a warning about a token lifetime without impersonation.
pub(super) fn token_lifetime(settings: &Settings<'_>) -> Option<String> {
    let google = &settings.google;
    (google.token_lifetime.origin.is_annotated() && google.service_accounts.is_none())
        .then(|| format!("{} has no effect without {}.", key::TOKEN_LIFETIME, key::SERVICE_ACCOUNT))
}

/// Adds warnings about keys of the service account and the namespace. On the pod such keys are denied, but these objects
/// apply to many pods.
pub(super) fn metadata_keys(pod: &Pod<'_>, context: &Context<'_>, warnings: &mut Vec<String>) {
    let precedence = Precedence { pod, context: *context };
    for (metadata, origin) in
        [(context.service_account, Origin::ServiceAccount), (context.namespace_metadata, Origin::Namespace)]
    {
        let Some(metadata) = metadata else { continue };
        let origin = precedence.describe_origin(origin);
        warnings.extend(metadata.ineffective_keys().map(|key| metadata_key(key, &origin)));
        if let rest @ 1.. = metadata.unnamed_keys() {
            warnings.push(unknown_keys::describe_rest(rest, &origin));
        }
    }
}

fn metadata_key(key: &str, origin: &str) -> String {
    if key == INJECT {
        format!(
            "{key} {origin} has no effect. Fix: set it as an annotation of the pod or as a label of the namespace."
        )
    } else {
        format!("{} {origin}: unknown annotation.{}", DisplayName(key), unknown_keys::suggestion(key))
    }
}
