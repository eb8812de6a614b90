//! The sidecar's container.

use rolebridge_contract::environment::sidecar as name;
use rolebridge_contract::external_account::Source;
use rolebridge_contract::google;
use rolebridge_contract::pod::{
    AWS_TOKEN_FILE, AWS_TOKEN_VOLUME, CA_FILE, CA_VOLUME, CONTAINER, PROBE_TIMEOUT_SECONDS, PROGRAM,
    READY_COMMAND, RUN_ARGS, TOKEN_FILE, TOKEN_VOLUME,
};
use serde::Serialize;

use super::env::Variable;
use super::operations::Operations;
use super::place;
use super::resources::{self, Planned};
use super::user::User;
use super::volumes::Mount;
use crate::defaults::PullPolicy;
use crate::{Context, Pod, Settings};

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
    resources: Option<Planned<'a>>,
    security_context: SecurityContext,
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
struct Probe {
    exec: Exec,
    period_seconds: u32,
    timeout_seconds: u8,
    failure_threshold: i32,
}

#[derive(Serialize)]
struct Exec {
    command: &'static [&'static str],
}

/// The period is the kubelet's least; `ready --wait` blocks up to the timeout, so that the app starts as soon as the
/// token is there. A sidecar that is killed for a fault of others would only start over.
const PROBE: Probe = Probe {
    exec: Exec { command: READY_COMMAND },
    period_seconds: 1,
    timeout_seconds: PROBE_TIMEOUT_SECONDS,
    failure_threshold: i32::MAX,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityContext {
    allow_privilege_escalation: bool,
    capabilities: Capabilities,
    read_only_root_filesystem: bool,
    run_as_user: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_group: Option<i64>,
    run_as_non_root: bool,
    seccomp_profile: SeccompProfile,
}

#[derive(Serialize)]
struct Capabilities {
    drop: [&'static str; 1],
}

#[derive(Serialize)]
struct SeccompProfile {
    r#type: &'static str,
}

/// Adds the sidecar among the init containers, and the secrets that its image is pulled with.
pub(super) fn add(
    operations: &mut Operations,
    pod: &Pod<'_>,
    context: &Context<'_>,
    settings: &Settings<'_>,
) {
    add_pull_secrets(operations, pod, &context.defaults.image_pull_secrets);
    let container = container(pod, context, settings);
    match &pod.spec.init_containers {
        Some(_) => {
            operations.add(format_args!("/spec/initContainers/{}", place::of_sidecar(pod)), &container);
        }
        None => operations.add(format_args!("/spec/initContainers"), &[container]),
    }
}

fn container<'a>(pod: &Pod<'_>, context: &Context<'a>, settings: &'a Settings<'_>) -> Container<'a> {
    Container {
        name: CONTAINER,
        image: &context.defaults.image,
        image_pull_policy: context.defaults.image_pull_policy,
        command: [PROGRAM],
        args: RUN_ARGS,
        restart_policy: "Always",
        env: env(settings),
        ports: settings
            .sidecar
            .metrics_port
            .map(|port| [Port { name: "rb-metrics", number: port.value, protocol: "TCP" }]),
        startup_probe: PROBE,
        resources: resources::plan(pod, settings),
        security_context: security_context(User::of_sidecar(pod)),
        // What the sidecar says last is its reason.
        termination_message_policy: "FallbackToLogsOnError",
        volume_mounts: mounts(settings),
    }
}

/// In the order of the contract.
fn env<'a>(settings: &'a Settings<'_>) -> Vec<Variable<'a>> {
    let Settings { google, aws, sources, sidecar, .. } = settings;
    let number = |name, number: u64| Variable::new(name, number.to_string());
    let mut env = Vec::with_capacity(14);
    env.push(Variable::new(name::AWS_ROLE_ARN, aws.role.value.arn));
    env.push(Variable::new(name::AWS_ROLE_SESSION_NAME, &*aws.session_name.value));
    env.push(Variable::new(name::AWS_WEB_IDENTITY_TOKEN_FILE, AWS_TOKEN_FILE));
    env.push(Variable::new(name::AWS_REGION, aws.region.value));
    env.extend(aws.sts_endpoint.map(|endpoint| Variable::new(name::AWS_ENDPOINT_URL_STS, endpoint.value)));
    env.extend(sidecar.ca_bundle.map(|_| Variable::new(name::AWS_CA_BUNDLE, CA_FILE)));
    if let Some(proxy) = &sidecar.https_proxy {
        env.push(Variable::new(name::HTTPS_PROXY, &*proxy.value));
        env.extend(sidecar.no_proxy.map(|hosts| Variable::new(name::NO_PROXY, hosts.value)));
    }
    env.push(Variable::new(name::AUDIENCE, google::audience(google.universe.value, google.provider.value)));
    env.push(Variable::new(name::TOKEN_FILE, TOKEN_FILE));
    if sources.value.uses(Source::Loopback) {
        env.push(number(name::LOOPBACK_PORT, sidecar.port.value.into()));
    }
    env.extend(sidecar.metrics_port.map(|port| number(name::METRICS_PORT, port.value.into())));
    env.extend(sidecar.startup_timeout.map(|seconds| number(name::STARTUP_TIMEOUT, seconds.value.into())));
    env.push(Variable::new(name::LOG_LEVEL, sidecar.log_level.value));
    env
}

/// The restricted Pod Security Standard, but for a pod that runs as root throughout, which is not restricted anyway.
const fn security_context(user: User) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: false,
        capabilities: Capabilities { drop: ["ALL"] },
        read_only_root_filesystem: true,
        run_as_user: user.user,
        run_as_group: user.group,
        run_as_non_root: !user.is_root(),
        seccomp_profile: SeccompProfile { r#type: "RuntimeDefault" },
    }
}

fn mounts(settings: &Settings<'_>) -> Vec<Mount> {
    let roots = settings.sidecar.ca_bundle.map(|_| Mount::read_only(CA_VOLUME));
    [Mount::writable(TOKEN_VOLUME), Mount::read_only(AWS_TOKEN_VOLUME)].into_iter().chain(roots).collect()
}

#[derive(Serialize)]
struct Secret<'a> {
    name: &'a str,
}

fn add_pull_secrets(operations: &mut Operations, pod: &Pod<'_>, names: &[String]) {
    let present = pod.spec.image_pull_secrets.as_deref().unwrap_or_default();
    let missing: Vec<_> = names
        .iter()
        .filter(|name| !present.iter().any(|secret| *secret.name == ***name))
        .map(|name| Secret { name })
        .collect();
    operations.append(
        format_args!("/spec/imagePullSecrets"),
        pod.spec.image_pull_secrets.is_some(),
        &missing,
    );
}
