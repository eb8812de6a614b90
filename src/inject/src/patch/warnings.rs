//! What the user should hear about a pod that is injected all the same.

use rolebridge_contract::annotations::{self as key, INJECT, PREFIX};

use super::resources;
use crate::settings::{Origin, Places, Setting, Sidecar, agreed};
use crate::{Context, Metadata, Pod, Settings, mesh, spelling};

/// Warnings of the settings and the pod as a whole; the containers' come from where they are patched.
pub(super) fn of_settings(pod: &Pod<'_>, context: &Context<'_>, settings: &Settings<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(late_proxy(pod));
    warnings.extend(partition(settings));
    warnings.extend(lifetime_of_nothing(settings));
    warnings.extend(resources_of_nothing(pod, settings));
    warnings.extend(unusable_proxy(pod, settings));
    let places = Places { pod, context: *context };
    for (metadata, origin) in
        [(context.service_account, Origin::ServiceAccount), (context.namespace_metadata, Origin::Namespace)]
    {
        let place = || places.place(origin);
        warnings.extend(metadata.into_iter().flat_map(|metadata| without_effect(metadata, &place)));
    }
    warnings
}

fn late_proxy(pod: &Pod<'_>) -> Option<String> {
    let mesh::Proxy { container, exclusion } = mesh::late_proxy(pod)?;
    Some(format!(
        "{container} is no native sidecar and starts after rolebridge's first token. If the mesh's CNI plugin is in use, \
         let the sidecar past it with {exclusion}: \"443\", or make the proxy native."
    ))
}

fn partition(settings: &Settings<'_>) -> Option<String> {
    let name = settings.aws.role.value.partition.name;
    (name != "aws")
        .then(|| format!("The role is in the partition {name}: whether Google takes it is not verified."))
}

fn lifetime_of_nothing(settings: &Settings<'_>) -> Option<String> {
    let google = &settings.google;
    (google.token_lifetime.origin.is_annotated() && google.service_account.is_none())
        .then(|| format!("{} has no effect without {}.", key::TOKEN_LIFETIME, key::SERVICE_ACCOUNT))
}

fn resources_of_nothing(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let Sidecar { cpu, memory, .. } = settings.sidecar;
    let said = |one: Setting<_>| one.origin.is_annotated();
    let any = [cpu, memory].into_iter().any(|bounds| said(bounds.request) || said(bounds.limit));
    (any && resources::has_pod_level(pod)).then(|| {
        "The sidecar's own requests and limits have no effect: the pod has resources as a whole.".to_owned()
    })
}

fn unusable_proxy(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let none = settings.sidecar.https_proxy.is_none();
    (none && agreed::value(pod, &["HTTPS_PROXY", "https_proxy"]).is_some()).then(|| {
        format!(
            "The proxy of the app's containers is not http://HOST:PORT, so the sidecar goes without; {} sets another.",
            key::HTTPS_PROXY
        )
    })
}

/// Keys of ours that mean nothing where they stand. On the pod they are refused; here they may be another pod's.
fn without_effect<'a>(
    metadata: &'a Metadata,
    place: &'a impl Fn() -> String,
) -> impl Iterator<Item = String> + 'a {
    metadata.keys().filter(|key| key.starts_with(PREFIX)).filter_map(move |key| {
        if key == INJECT {
            Some(format!(
                "{key} ({}) has no effect: it is a pod's annotation, or a namespace's label.",
                place()
            ))
        } else if spelling::is_known(key) {
            None
        } else {
            Some(format!("{key} ({}) does not exist.{}", place(), spelling::suggestion(key)))
        }
    })
}
