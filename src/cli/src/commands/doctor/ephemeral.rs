//! The hops, tried in an ephemeral container of the sidecar's image: where no sidecar runs.

use std::path::Path;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::{Container, ContainerStatus, EnvVar, Pod, VolumeMount};
use kube::Api;
use kube::api::{LogParams, Patch, PatchParams};
use rolebridge_core::annotations as key;
use rolebridge_core::diagnostics::DOCTOR_ARGS;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::{DEFAULT_UNIVERSE, audience};
use rolebridge_core::pod_names::{IDENTITY_TOKEN_FILE, IDENTITY_VOLUME, PROGRAM, TOKEN_FILE};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::injected_pod::InjectedPod;
use super::injection::CurrentDecision;
use crate::cluster::with_timeout;
use crate::error::CliError;

/// To pull the image and to try all hops.
const CONTAINER_TIMEOUT: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What `doctor --json` says there.
pub(super) async fn lines(
    pods: &Api<Pod>,
    pod: &str,
    seen: &InjectedPod<'_>,
    decided: Option<&CurrentDecision>,
) -> Result<String, CliError> {
    let name = name();
    let mut container = like_the_sidecar(seen).or_else(|| like_the_app(seen, decided)).ok_or_else(|| {
        let message = "The pod has nothing of Rolebridge's that an ephemeral container could use.";
        CliError::Doctor(message.to_owned())
    })?;
    container["name"] = json!(name);
    container["command"] = json!([PROGRAM]);
    container["args"] = json!(DOCTOR_ARGS);
    container["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    let patch = Patch::Strategic(json!({"spec": {"ephemeralContainers": [container]}}));
    let what =
        format!("an ephemeral container in pod/{pod} (the permission is patch on pods/ephemeralcontainers)");
    with_timeout(&what, pods.patch_ephemeral_containers(pod, &PatchParams::default(), &patch)).await?;
    ended(pods, pod, &name).await?;
    let log = LogParams { container: Some(name), ..LogParams::default() };
    with_timeout(&format!("the log of {what}"), pods.logs(pod, &log)).await
}

/// Names cannot be used again, since the container stays.
fn name() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("rolebridge-doctor-{}", now.as_secs())
}

/// With all that the sidecar would have.
fn like_the_sidecar(seen: &InjectedPod<'_>) -> Option<Value> {
    let sidecar = seen.container?;
    Some(json!({
        "image": sidecar.image,
        "imagePullPolicy": sidecar.image_pull_policy,
        "env": sidecar.env,
        "volumeMounts": sidecar.volume_mounts,
        "securityContext": sidecar.security_context,
    }))
}

/// Where the identity needs no sidecar: with the token, the roots and the proxy that the app has, and the settings that
/// hold now.
fn like_the_app(seen: &InjectedPod<'_>, decided: Option<&CurrentDecision>) -> Option<Value> {
    let CurrentDecision { explanation, image } = decided.filter(|_| seen.needs_no_sidecar())?;
    let said = |key: &str| {
        let row = explanation.settings.iter().find(|row| row.annotation == key);
        row.map(|row| row.value.clone())
    };
    let universe = said(key::UNIVERSE_DOMAIN).unwrap_or_else(|| DEFAULT_UNIVERSE.to_owned());
    let optional = [
        (names::SERVICE_ACCOUNT, key::SERVICE_ACCOUNT),
        (names::STS_ENDPOINT, key::STS_ENDPOINT),
        (names::IAM_CREDENTIALS_ENDPOINT, key::IAM_CREDENTIALS_ENDPOINT),
        (names::QUOTA_PROJECT, key::QUOTA_PROJECT),
    ];
    let mut env = vec![
        json!({"name": names::IDENTITY, "value": "kubernetes"}),
        json!({"name": names::IDENTITY_TOKEN_FILE, "value": IDENTITY_TOKEN_FILE}),
        json!({"name": names::AUDIENCE, "value": audience(&universe, &said(key::PROVIDER)?)}),
        json!({"name": names::TOKEN_FILE, "value": TOKEN_FILE}),
    ];
    env.extend(optional.iter().filter_map(|(name, key)| Some(json!({"name": name, "value": said(key)?}))));
    let (network, roots) = of_the_network(seen.app?);
    env.extend(network.iter().map(|variable| json!(variable)));
    let mut mounts =
        vec![json!({"name": IDENTITY_VOLUME.name, "mountPath": IDENTITY_VOLUME.path, "readOnly": true})];
    mounts.extend(roots.map(|mount| json!(mount)));
    Some(json!({
        "image": image,
        "env": env,
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

/// The variables by which a container reaches others, and the mount that further roots lie in. Kubernetes lets no
/// ephemeral container mount a part of a volume.
fn of_the_network(app: &Container) -> (Vec<&EnvVar>, Option<&VolumeMount>) {
    const NAMES: [&str; 5] =
        [names::SSL_CERT_FILE, names::HTTPS_PROXY, "https_proxy", names::NO_PROXY, "no_proxy"];
    let is_one = |variable: &&EnvVar| NAMES.contains(&variable.name.as_str());
    let variables: Vec<_> = app.env.iter().flatten().filter(is_one).collect();
    let roots = variables.iter().find(|variable| variable.name == names::SSL_CERT_FILE);
    let roots = roots.and_then(|variable| variable.value.as_deref());
    let mount = roots.and_then(|file| {
        let mounts = app.volume_mounts.iter().flatten();
        let mut whole = mounts.filter(|mount| mount.sub_path.is_none() && mount.sub_path_expr.is_none());
        whole.find(|mount| Path::new(file).starts_with(&mount.mount_path))
    });
    (variables, mount)
}

/// Waits for its end.
async fn ended(pods: &Api<Pod>, pod: &str, name: &str) -> Result<(), CliError> {
    let until = Instant::now() + CONTAINER_TIMEOUT;
    loop {
        let seen = with_timeout(&format!("pod/{pod}"), pods.get(pod)).await?;
        let statuses = seen.status.and_then(|status| status.ephemeral_container_statuses).unwrap_or_default();
        let status = statuses.into_iter().find(|status| status.name == name);
        if status.as_ref().is_some_and(has_ended) {
            return Ok(());
        }
        if Instant::now() > until {
            let state = status.and_then(|status| status.state?.waiting);
            let why = state.and_then(|waiting| waiting.message.or(waiting.reason));
            return Err(CliError::Doctor(format!(
                "The ephemeral container {name} did not end within {CONTAINER_TIMEOUT:?}: {}",
                why.as_deref().unwrap_or("the kubelet gives no reason")
            )));
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn has_ended(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.terminated.is_some())
}
