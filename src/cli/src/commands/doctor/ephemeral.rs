//! Runs the steps in an ephemeral container with the sidecar's image, for pods without a running sidecar.

use std::path::Path;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::{Container, ContainerStatus, EnvVar, Pod, VolumeMount};
use kube::Api;
use kube::api::{LogParams, Patch, PatchParams};
use rolebridge_core::annotations as key;
use rolebridge_core::env::sidecar as env;
use rolebridge_core::google::audience;
use rolebridge_core::pod_names::{IDENTITY_TOKEN_FILE, IDENTITY_VOLUME, PROGRAM, TOKEN_FILE};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::cluster::with_timeout;
use crate::commands::doctor::diagnosis::CurrentDecision;
use crate::commands::doctor::injected_pod::InjectedPod;
use crate::commands::doctor::report_file::{MAX_OUTPUT_BYTES, too_large};
use crate::error::CliError;

/// The deadline for pulling the image and running all steps.
const CONTAINER_TIMEOUT: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Runs the sidecar with the arguments of its diagnosis in an ephemeral container and returns its output.
///
/// # Errors
///
/// Returns an error if the container cannot be added, or if it does not terminate in time.
pub(super) async fn run_steps(
    pods: &Api<Pod>,
    pod_name: &str,
    arguments: &[&str],
    injected: &InjectedPod<'_>,
    decision: Option<&CurrentDecision>,
) -> Result<String, CliError> {
    let name = container_name();
    let container = container_like_sidecar(injected).or_else(|| container_like_app(injected, decision));
    let mut container = container.ok_or_else(|| {
        let message = "an ephemeral container needs an injected pod; this pod is not injected";
        CliError::Doctor(format!("pod/{pod_name}: {message}"))
    })?;
    container["name"] = json!(name);
    container["command"] = json!([PROGRAM]);
    container["args"] = json!(arguments);
    container["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container]}}));
    let subject =
        format!("an ephemeral container in pod/{pod_name} (needs patch on pods/ephemeralcontainers)");
    let params = PatchParams::default();
    with_timeout(&subject, pods.patch_ephemeral_containers(pod_name, &params, &patch)).await?;
    wait_for_termination(pods, pod_name, &name).await?;
    let limit_bytes = i64::try_from(MAX_OUTPUT_BYTES + 1).ok();
    let log = LogParams { container: Some(name), limit_bytes, ..LogParams::default() };
    let output = with_timeout(&format!("the log of {subject}"), pods.logs(pod_name, &log)).await?;
    if output.len() > MAX_OUTPUT_BYTES { Err(too_large(&format!("pod/{pod_name}"))) } else { Ok(output) }
}

/// Returns a unique name, because a terminated container stays in the pod and its name cannot be reused.
fn container_name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("rolebridge-doctor-{}", now.as_secs())
}

/// Copies the environment, mounts and security context of the sidecar.
fn container_like_sidecar(injected: &InjectedPod<'_>) -> Option<Value> {
    let sidecar = injected.sidecar?;
    Some(json!({
        "image": sidecar.image,
        "imagePullPolicy": sidecar.image_pull_policy,
        "env": sidecar.env,
        "volumeMounts": sidecar.volume_mounts,
        "securityContext": sidecar.security_context,
    }))
}

/// Builds a container for an identity without a sidecar, from the current settings and the app's token, TLS roots and
/// proxy.
fn container_like_app(injected: &InjectedPod<'_>, decision: Option<&CurrentDecision>) -> Option<Value> {
    let CurrentDecision { evaluation, image, .. } = decision.filter(|_| injected.needs_no_sidecar())?;
    let provider = evaluation.setting(key::PROVIDER)?;
    let optional = [
        (env::UNIVERSE_DOMAIN, key::UNIVERSE_DOMAIN),
        (env::SERVICE_ACCOUNT, key::SERVICE_ACCOUNT),
        (env::STS_ENDPOINT, key::STS_ENDPOINT),
        (env::IAM_CREDENTIALS_ENDPOINT, key::IAM_CREDENTIALS_ENDPOINT),
        (env::QUOTA_PROJECT, key::QUOTA_PROJECT),
    ];
    let mut variables = vec![
        json!({"name": env::IDENTITY, "value": "kubernetes"}),
        json!({"name": env::IDENTITY_TOKEN_FILE, "value": IDENTITY_TOKEN_FILE}),
        json!({"name": env::AUDIENCE, "value": audience(provider)}),
        json!({"name": env::TOKEN_FILE, "value": TOKEN_FILE}),
    ];
    variables.extend(
        optional
            .iter()
            .filter_map(|(name, key)| Some(json!({"name": name, "value": evaluation.setting(key)?}))),
    );
    let (network_variables, roots_mount) = network_settings(injected.app?);
    variables.extend(network_variables.iter().map(|variable| json!(variable)));
    let mut mounts =
        vec![json!({"name": IDENTITY_VOLUME.name, "mountPath": IDENTITY_VOLUME.path, "readOnly": true})];
    mounts.extend(roots_mount.map(|mount| json!(mount)));
    Some(json!({
        "image": image,
        "env": variables,
        "volumeMounts": mounts,
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }))
}

/// Returns a container's variables for TLS roots and proxies, and the mount with the roots.
///
/// Mounts with a subPath are excluded, because Kubernetes does not allow them in ephemeral containers.
fn network_settings(app: &Container) -> (Vec<&EnvVar>, Option<&VolumeMount>) {
    const NAMES: [&str; 5] = [env::SSL_CERT_FILE, env::HTTPS_PROXY, "https_proxy", env::NO_PROXY, "no_proxy"];
    let is_network_setting = |variable: &&EnvVar| NAMES.contains(&variable.name.as_str());
    let variables: Vec<_> = app.env.iter().flatten().filter(is_network_setting).collect();
    let roots = variables.iter().find(|variable| variable.name == env::SSL_CERT_FILE);
    let roots = roots.and_then(|variable| variable.value.as_deref());
    let mount = roots.and_then(|file| {
        let mounts = app.volume_mounts.iter().flatten();
        let mut mounts = mounts.filter(|mount| mount.sub_path.is_none() && mount.sub_path_expr.is_none());
        mounts.find(|mount| Path::new(file).starts_with(&mount.mount_path))
    });
    (variables, mount)
}

async fn wait_for_termination(pods: &Api<Pod>, pod_name: &str, name: &str) -> Result<(), CliError> {
    let deadline = Instant::now() + CONTAINER_TIMEOUT;
    loop {
        let pod = with_timeout(&format!("pod/{pod_name}"), pods.get(pod_name)).await?;
        let statuses = pod.status.and_then(|status| status.ephemeral_container_statuses).unwrap_or_default();
        let status = statuses.into_iter().find(|status| status.name == name);
        if status.as_ref().is_some_and(has_terminated) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let waiting = status.and_then(|status| status.state?.waiting);
            let message = waiting.and_then(|waiting| waiting.message.or(waiting.reason));
            return Err(CliError::Doctor(format!(
                "the ephemeral container {name} did not terminate within {CONTAINER_TIMEOUT:?}: {}",
                message.as_deref().unwrap_or("the kubelet reports no reason")
            )));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn has_terminated(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.terminated.is_some())
}
