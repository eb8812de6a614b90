//! The sidecar container.

mod differences;
mod environment;
mod probe;

use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_VOLUME, PROGRAM, RUN_ARGS, TOKEN_VOLUME,
};
use serde::Serialize;

use self::differences::{Differences, RESTART_POLICY};
use self::environment::environment;
use self::probe::{PROBE, Probe};
use super::builder::PatchBuilder;
use super::env::Variable;
use super::position;
use super::resources::{self, PlannedResources};
use super::run_as::RunAs;
use super::se_linux::SeLinux;
use super::volumes::{self, Mount};
use crate::context::Context;
use crate::defaults::PullPolicy;
use crate::reinvocation::{ConfigCarrier, ExistingSidecar};
use crate::settings::Settings;
use crate::view::{self, Pod};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    name: &'static str,
    image: &'a str,
    image_pull_policy: PullPolicy,
    command: [&'static str; 1],
    args: &'static [&'static str],
    restart_policy: &'static str,
    env: Vec<Variable<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<[Port; 1]>,
    startup_probe: Probe,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<PlannedResources<'a>>,
    security_context: SecurityContext<'a>,
    termination_message_policy: &'static str,
    volume_mounts: Vec<Mount>,
}

#[derive(Serialize)]
struct Port {
    name: &'static str,
    #[serde(rename = "containerPort")]
    number: u16,
    protocol: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityContext<'a> {
    allow_privilege_escalation: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_armor_profile: Option<Profile>,
    capabilities: Capabilities,
    read_only_root_filesystem: bool,
    run_as_user: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_group: Option<i64>,
    run_as_non_root: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    se_linux_options: Option<SeLinux<'a>>,
    seccomp_profile: Profile,
}

#[derive(Serialize)]
struct Capabilities {
    drop: [&'static str; 1],
}

/// A profile of seccomp or `AppArmor`.
#[derive(Serialize)]
struct Profile {
    r#type: &'static str,
}

/// The container runtime's own profile.
const RUNTIME_DEFAULT: Profile = Profile { r#type: "RuntimeDefault" };

/// Adds the sidecar to the init containers, and the pull secrets of its image.
pub(super) fn add(builder: &mut PatchBuilder, pod: &Pod<'_>, context: &Context<'_>, settings: &Settings<'_>) {
    add_pull_secrets(builder, pod, &context.defaults.image_pull_secrets);
    let container = container(pod, context, settings);
    match &pod.spec.init_containers {
        Some(_) => {
            let index = position::sidecar_index(pod, &settings.containers);
            builder.add(("/spec/initContainers/", index), &container);
        }
        None => builder.add("/spec/initContainers", &[container]),
    }
}

/// The result of bringing a sidecar that the pod already has to what is decided now.
pub(super) struct Reconciliation<'a> {
    /// The carrier of the configurations from now on.
    pub(super) configs: ConfigCarrier,
    /// The names of the values that were replaced and that no other webhook changes by routine.
    pub(super) replaced: Vec<&'static str>,
    /// The image, if another one than that of the defaults is kept.
    pub(super) other_image: Option<&'a str>,
}

/// Brings a sidecar that the pod already has to what is decided now.
///
/// An earlier release's sidecar does not write the configurations. If its values are those decided now, then it stays with
/// its image and its volumes: during an upgrade, both releases decide about one pod. Else this release's sidecar replaces it.
/// A sidecar without documents may be of either release, so it is replaced if documents are decided now: the earlier release
/// would not write them.
pub(super) fn reconcile<'a>(
    builder: &mut PatchBuilder,
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
    existing: &ExistingSidecar<'a>,
) -> Reconciliation<'a> {
    let ExistingSidecar { index, container, configs, mounts_configs } = *existing;
    let (env, mounts) = (environment(settings, configs), mounts(settings, configs));
    let differences = Differences::of(container, &env, &mounts);
    let path = format!("/spec/initContainers/{index}");
    let is_equal = differences.names.is_empty() && volumes::are_complete(pod, settings, configs);
    let is_other_shape = match configs {
        // An earlier release knows one account.
        ConfigCarrier::Annotations => !is_equal || settings.google.accounts().count() > 1,
        ConfigCarrier::Sidecar => !mounts_configs && settings.sources.value.documents().next().is_some(),
    };
    if is_other_shape {
        add_pull_secrets(builder, pod, &context.defaults.image_pull_secrets);
        builder.replace(&*path, &self::container(pod, context, settings));
        relocate(builder, pod, settings, index);
        return Reconciliation {
            configs: ConfigCarrier::Sidecar,
            replaced: differences.names,
            other_image: None,
        };
    }
    differences.write(builder, container, &path);
    relocate(builder, pod, settings, index);
    let image = container.image.as_deref().unwrap_or_default();
    let other_image = Some(image).filter(|image| **image != *context.defaults.image);
    Reconciliation { configs, replaced: differences.names, other_image }
}

/// Moves the sidecar after a network's proxy that a later webhook has added. All operations on init containers come before.
fn relocate(builder: &mut PatchBuilder, pod: &Pod<'_>, settings: &Settings<'_>, index: usize) {
    if let Some(target) = position::move_to(pod, &settings.containers, index) {
        builder.relocate(("/spec/initContainers/", index), ("/spec/initContainers/", target));
    }
}

fn container<'a>(pod: &'a Pod<'_>, context: &Context<'a>, settings: &'a Settings<'_>) -> Container<'a> {
    Container {
        name: CONTAINER,
        image: &context.defaults.image,
        image_pull_policy: context.defaults.image_pull_policy,
        command: [PROGRAM],
        args: RUN_ARGS,
        restart_policy: RESTART_POLICY,
        env: environment(settings, ConfigCarrier::Sidecar),
        ports: settings
            .sidecar
            .metrics_port
            .map(|port| [Port { name: "rb-metrics", number: port.value, protocol: "TCP" }]),
        startup_probe: PROBE,
        resources: resources::plan(pod, settings),
        security_context: security_context(pod, settings),
        // The sidecar's last log line is the reason of its failure.
        termination_message_policy: "FallbackToLogsOnError",
        volume_mounts: mounts(settings, ConfigCarrier::Sidecar),
    }
}

/// Returns a security context that satisfies the restricted Pod Security Standard, unless all containers of the pod run as
/// root: such a pod is not restricted anyway.
///
/// The pod's profiles are made for the app. A profile of `AppArmor` exists only on nodes with `AppArmor`, so the runtime's own one
/// replaces it there.
fn security_context<'a>(pod: &'a Pod<'_>, settings: &Settings<'_>) -> SecurityContext<'a> {
    let run_as = RunAs::for_sidecar(pod);
    let has_profile =
        pod.spec.security_context.as_ref().is_some_and(view::SecurityContext::has_local_app_armor_profile);
    SecurityContext {
        allow_privilege_escalation: false,
        app_armor_profile: has_profile.then_some(RUNTIME_DEFAULT),
        capabilities: Capabilities { drop: ["ALL"] },
        read_only_root_filesystem: true,
        run_as_user: run_as.user,
        run_as_group: run_as.group,
        run_as_non_root: !run_as.is_root(),
        se_linux_options: SeLinux::for_sidecar(pod, settings),
        seccomp_profile: RUNTIME_DEFAULT,
    }
}

fn mounts(settings: &Settings<'_>, carrier: ConfigCarrier) -> Vec<Mount> {
    let optional = [
        settings.aws.as_ref().map(|_| AWS_TOKEN_VOLUME),
        (settings.identity.value == Identity::Kubernetes).then_some(IDENTITY_VOLUME),
        settings.sidecar.ca_bundle.map(|_| CA_VOLUME),
    ];
    let read_only = optional.into_iter().flatten().map(Mount::read_only);
    let configs = settings.sources.value.documents().next().filter(|_| carrier == ConfigCarrier::Sidecar);
    let configs = configs.map(|_| CONFIG_VOLUME);
    let writable = [Some(TOKEN_VOLUME), configs].into_iter().flatten().map(Mount::writable);
    writable.chain(read_only).collect()
}

#[derive(Serialize)]
struct Secret<'a> {
    name: &'a str,
}

fn add_pull_secrets(builder: &mut PatchBuilder, pod: &Pod<'_>, names: &[String]) {
    let present = pod.spec.image_pull_secrets.as_deref().unwrap_or_default();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !present.iter().any(|secret| *secret.name == ***name))
        .map(|name| Secret { name })
        .collect();
    builder.append("/spec/imagePullSecrets", pod.spec.image_pull_secrets.is_some(), &missing);
}
