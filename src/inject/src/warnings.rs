//! What the user should hear about a pod that is injected all the same.

use rolebridge_core::annotations::{self as key, INJECT, PREFIX};
use rolebridge_core::env::sidecar as name;

use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::patch::env::Variable;
use crate::patch::{mesh_startup, position, resources, sidecar};
use crate::settings::app_env::{self, Consensus};
use crate::settings::{Origin, Precedence, Setting, Sidecar, check};
use crate::view::{Container, Env};
use crate::{Context, ObjectMetadata, Pod, Settings, ineffective, unknown_keys};

/// Warnings of the settings and the pod as a whole; the containers' come from where they are patched.
pub(crate) fn for_settings(
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
    injected: Option<&Container<'_>>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(injected.and_then(|sidecar| settings_changed_after_injection(settings, sidecar)));
    if settings.has_sidecar() {
        warnings.extend(mesh_startup::warning(pod, settings));
        warnings.extend(before_sidecar(pod, settings));
        warnings.extend(partition(settings));
        warnings.extend(unused_resources(pod, settings));
        warnings.extend(ambiguous_proxy(pod, settings));
        warnings.extend(ambiguous_no_proxy(pod, settings));
    } else {
        warnings.extend(unused_settings(pod));
    }
    warnings.extend(unused_token_lifetime(settings));
    warnings.extend(ineffective::warn_about_labels(pod));
    let precedence = Precedence { pod, context: *context };
    for (metadata, origin) in
        [(context.service_account, Origin::ServiceAccount), (context.namespace_metadata, Origin::Namespace)]
    {
        let place = || precedence.describe_origin(origin);
        warnings.extend(metadata.into_iter().flat_map(|metadata| without_effect(metadata, &place)));
    }
    warnings
}

/// What the app's containers say of a region, and of what needs no proxy, changes with other webhooks and with ours.
const MAY_DIFFER: [&str; 2] = [name::AWS_REGION, name::NO_PROXY];

/// A later webhook that changed the settings came too late: the sidecar keeps what it has.
fn settings_changed_after_injection(settings: &Settings<'_>, sidecar: &Container<'_>) -> Option<String> {
    let decided = sidecar::environment(settings);
    let differs = |variable: &&Variable<'_>| {
        let has = sidecar.variable(variable.name).and_then(Env::literal);
        !MAY_DIFFER.contains(&variable.name) && has != Some(&*variable.value)
    };
    let names =
        join_names(MAX_NAMES_IN_WARNING, decided.iter().filter(differs).map(|variable| variable.name))?;
    Some(format!(
        "The sidecar was injected before something else was decided for {names}, and keeps what it has: whatever changes \
         Rolebridge's settings must come before Rolebridge."
    ))
}

/// Containers that run before there can be a token: a mesh's place comes first, or a later webhook's.
fn before_sidecar(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let early = position::before_sidecar(pod).iter().filter(|one| settings.containers.includes(one));
    let early = join_names(MAX_NAMES_IN_WARNING, early.map(|one| &*one.name))?;
    Some(format!(
        "Credentials do not work in {early} until the sidecar has started, which is later. What needs none of them can \
         be left out with {}.",
        key::SKIP_CONTAINERS
    ))
}

fn partition(settings: &Settings<'_>) -> Option<String> {
    let name = settings.aws.as_ref()?.role()?.value.partition().as_str();
    (name != "aws")
        .then(|| format!("The role is in the partition {name}: whether Google takes it is not verified."))
}

fn unused_token_lifetime(settings: &Settings<'_>) -> Option<String> {
    let google = &settings.google;
    (google.token_lifetime.origin.is_annotated() && google.service_account.is_none())
        .then(|| format!("{} has no effect without {}.", key::TOKEN_LIFETIME, key::SERVICE_ACCOUNT))
}

/// The annotations that only a sidecar gives a meaning.
const OF_SIDECAR: &[&str] = &[
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

fn unused_settings(pod: &Pod<'_>) -> Option<String> {
    let said = OF_SIDECAR.iter().copied().filter(|key| pod.annotation(key).is_some());
    let said = join_names(MAX_NAMES_IN_WARNING, said)?;
    Some(format!("The pod needs no sidecar, and so these have no effect: {said}."))
}

fn unused_resources(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let Sidecar { cpu, memory, .. } = settings.sidecar;
    let said = |one: Setting<_>| one.origin.is_annotated();
    let any = [cpu, memory].into_iter().any(|bounds| said(bounds.request) || said(bounds.limit));
    (any && resources::has_pod_level(pod)).then(|| {
        "The sidecar's own requests and limits have no effect: the pod has resources as a whole.".to_owned()
    })
}

/// Why the sidecar goes without a proxy although the app's containers have one.
fn ambiguous_proxy(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    if settings.sidecar.https_proxy.is_some() {
        return None;
    }
    let why = match app_env::env_consensus(pod, app_env::HTTPS_PROXY) {
        Consensus::None => return None,
        Consensus::One(_) => "The proxy of the app's containers is not http://HOST:PORT".to_owned(),
        Consensus::Conflict => "The app's containers have proxies that differ".to_owned(),
        Consensus::Unknown(containers) => {
            let containers = join_names(MAX_NAMES_IN_WARNING, containers)?;
            format!("The proxy of {containers} is set by valueFrom or refers to another variable")
        }
    };
    Some(format!("{why}, so the sidecar goes without; {} gives it one.", key::HTTPS_PROXY))
}

/// Why the sidecar asks its proxy for everything although the app's containers say what needs none.
fn ambiguous_no_proxy(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let Sidecar { https_proxy, no_proxy, .. } = &settings.sidecar;
    if https_proxy.is_none() || no_proxy.is_some() {
        return None;
    }
    let unusable = app_env::variables(pod, app_env::NO_PROXY).filter(|(_, variable)| {
        variable.literal().is_some_and(|list| !list.is_empty() && check(key::NO_PROXY, list).is_err())
    });
    let containers = join_names(MAX_NAMES_IN_WARNING, unusable.map(|(container, _)| &*container.name))?;
    Some(format!(
        "NO_PROXY of {containers} is no list of hosts with commas between them, so the sidecar goes without; {} gives \
         it one.",
        key::NO_PROXY
    ))
}

/// Keys of ours that mean nothing where they stand. On the pod they are refused; here they may be another pod's.
fn without_effect<'a>(
    metadata: &'a ObjectMetadata,
    place: &'a impl Fn() -> String,
) -> impl Iterator<Item = String> + 'a {
    metadata.keys().filter(|key| key.starts_with(PREFIX)).filter_map(move |key| {
        if key == INJECT {
            Some(format!(
                "{key} ({}) has no effect: it is a pod's annotation, or a namespace's label.",
                place()
            ))
        } else if unknown_keys::is_known(key) {
            None
        } else {
            Some(format!("{key} ({}) does not exist.{}", place(), unknown_keys::suggestion(key)))
        }
    })
}
