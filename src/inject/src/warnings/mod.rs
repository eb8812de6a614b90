//! Warnings about a pod that is injected. Those about single containers are added when they are patched.

mod proxy;
mod region;
mod unused;

use rolebridge_core::annotations as key;

use crate::context::Context;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::patch::{mesh_startup, position};
use crate::settings::parse::container_names;
use crate::settings::{Names, Settings, ignored_values};
use crate::view::Pod;
use crate::{env_from, ineffective, mesh};

/// Returns the warnings about the settings and the pod.
pub(crate) fn for_settings(pod: &Pod<'_>, context: &Context<'_>, settings: &Settings<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    if settings.has_sidecar() {
        warnings.extend(mesh_startup::warning(pod, settings));
        warnings.extend(containers_before_sidecar(pod, settings));
        warnings.extend(unknown_network(pod, settings));
        warnings.extend(absent_network(pod));
        warnings.extend(unverified_partition(settings));
        warnings.extend(region::unusable(pod, settings));
        warnings.extend(unused::resources(pod, settings));
        warnings.extend(proxy::ambiguous_proxy(pod, context, settings));
        warnings.extend(proxy::ambiguous_no_proxy(pod, context, settings));
    } else {
        warnings.extend(unused::sidecar_settings(pod));
    }
    warnings.extend(env_from::hint(pod, settings));
    warnings.extend(ignored_values(pod, context, settings).map(|value| value.to_string()));
    warnings.extend(unused::token_lifetime(settings));
    warnings.extend(ineffective::warn_about_labels(pod));
    unused::metadata_keys(pod, context, &mut warnings);
    warnings
}

/// Returns a warning about containers that start before the sidecar, because a mesh or a later webhook added them there.
fn containers_before_sidecar(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let earlier = position::before_sidecar(pod, &settings.containers);
    let earlier = earlier.filter(|container| settings.containers.includes(container));
    let earlier = join_names(MAX_NAMES_IN_WARNING, earlier.map(|container| &*container.name))?;
    Some(format!(
        "Credentials do not work in {earlier} until the sidecar has started, which is later. Fix: exclude containers that \
         need no credentials with {}.",
        key::SKIP_CONTAINERS
    ))
}

/// Returns a warning about an unknown native sidecar that looks like the pod's network and starts after the sidecar.
fn unknown_network(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let later = position::native_after_sidecar(pod, &settings.containers);
    let later = later.filter(|container| mesh::resembles_proxy(container));
    let names = join_names(MAX_NAMES_IN_WARNING, later.map(|container| &*container.name))?;
    Some(format!(
        "Rolebridge's sidecar waits for its first token before {names} starts. Fix: if the pod has no network before that, \
         name it in {}.",
        key::START_AFTER
    ))
}

/// Returns a warning about a name in the pod's annotation that no init container has. A webhook that runs later may add it.
fn absent_network(pod: &Pod<'_>) -> Option<String> {
    let named = container_names(pod.annotation(key::START_AFTER)?).ok()?;
    let existing: Names<'_> = pod.init_containers().iter().map(|container| &*container.name).collect();
    let absent = named.iter().filter(|name| !existing.contains(name));
    let absent = join_names(MAX_NAMES_IN_WARNING, absent)?;
    Some(format!(
        "{} on the pod: expected init containers, found {absent}. Fix: correct the name, unless another webhook adds the \
         container later.",
        key::START_AFTER
    ))
}

fn unverified_partition(settings: &Settings<'_>) -> Option<String> {
    let partition = settings.aws.as_ref()?.role()?.value.partition().as_str();
    (partition != "aws").then(|| {
        format!("The role is in the partition {partition}. It is unverified whether Google accepts it.")
    })
}
