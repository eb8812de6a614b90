//! Facts that commands read from a pod.

use k8s_openapi::api::core::v1::{Container, ContainerStateTerminated, ContainerStatus, Pod};
use rolebridge_core::pod_names::{CONTAINER, PROGRAM};

pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

pub(crate) fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

pub(crate) fn service_account(pod: &Pod) -> &str {
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
    account.unwrap_or("default")
}

/// Returns the name of the node that the pod is scheduled on.
pub(crate) fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref())
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("unknown")
}

/// Returns true if all containers have terminated and will not be restarted.
pub(crate) fn has_finished(pod: &Pod) -> bool {
    ["Succeeded", "Failed"].contains(&phase(pod))
}

/// Returns the sidecar that the webhook injected.
pub(crate) fn sidecar(pod: &Pod) -> Option<&Container> {
    let is_sidecar = |container: &&Container| {
        container.name == CONTAINER
            && container.command.as_ref().is_some_and(|command| command.iter().eq([PROGRAM]))
    };
    pod.spec.as_ref()?.init_containers.iter().flatten().find(is_sidecar)
}

/// Returns the value of a container's variable, unless it is empty or comes from elsewhere.
pub(crate) fn env_value<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    let variable = container.env.iter().flatten().find(|variable| variable.name == name)?;
    variable.value.as_deref().filter(|value| !value.is_empty())
}

/// Returns the kubelet's status of the sidecar.
pub(crate) fn sidecar_status(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.init_container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

/// Returns the state in which the previous run of a container ended.
pub(crate) fn last_termination(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    status.last_state.as_ref()?.terminated.as_ref()
}

/// Returns the reason and the message why a container waits: `ImagePullBackOff, …`.
pub(crate) fn waiting_message(status: &ContainerStatus) -> Option<String> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    let message = waiting.message.as_deref();
    Some(
        message.map_or_else(
            || reason.to_owned(),
            |message| format!("{reason}, {}", message.trim_end_matches('.')),
        ),
    )
}
