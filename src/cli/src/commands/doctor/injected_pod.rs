//! What of a pod is ours, and how its sidecar's container is.

use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStatus, Pod};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};
use rolebridge_core::pod_names::{CONFIG_VOLUME, CONTAINER, PROGRAM};

use super::examine::step_result;
use super::injection::CurrentDecision;
use crate::image_ref;

/// What of the pod is ours.
pub(super) struct InjectedPod<'a> {
    pub(super) container: Option<&'a Container>,
    /// The first container that gets credentials.
    pub(super) app: Option<&'a Container>,
    status: Option<&'a ContainerStatus>,
    has_configuration: bool,
}

impl<'a> InjectedPod<'a> {
    pub(super) fn of(pod: &'a Pod) -> Self {
        let spec = pod.spec.as_ref();
        let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
        let volumes = spec.and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
        let status = pod.status.as_ref().and_then(|status| status.init_container_statuses.as_deref());
        let is_ours = |container: &&Container| {
            container.name == CONTAINER
                && container.command.as_ref().is_some_and(|command| command.iter().eq([PROGRAM]))
        };
        Self {
            container: init.iter().find(is_ours),
            app: spec.and_then(|spec| spec.containers.iter().find(|container| gets_credentials(container))),
            status: status.unwrap_or_default().iter().find(|status| status.name == CONTAINER),
            has_configuration: volumes.iter().any(|volume| volume.name == CONFIG_VOLUME.name),
        }
    }

    pub(super) const fn is_injected(&self) -> bool {
        self.container.is_some() || self.has_configuration
    }

    /// The identity `kubernetes` needs none, unless a source does.
    pub(super) const fn needs_no_sidecar(&self) -> bool {
        self.container.is_none() && self.has_configuration
    }

    pub(super) fn runs(&self) -> bool {
        self.state().is_some_and(|state| state.running.is_some())
    }

    fn state(&self) -> Option<&ContainerState> {
        self.status.filter(|_| self.container.is_some())?.state.as_ref()
    }

    /// How the sidecar's container is.
    pub(super) fn sidecar(&self, decided: Option<&CurrentDecision>) -> StepResult {
        let Some(container) = self.container else {
            let message = "none is needed: the kubelet itself keeps the token";
            return step_result(Step::Sidecar, StepStatus::Ok, message);
        };
        let image = container.image.as_deref().unwrap_or("no image");
        let Some(state) = self.state() else {
            return step_result(Step::Sidecar, StepStatus::Failed, "the kubelet has not begun it yet");
        };
        if let Some(waiting) = &state.waiting {
            let (reason, message) = (waiting.reason.as_deref(), waiting.message.as_deref());
            let message = [
                format!("it does not run: {}", reason.unwrap_or("no reason given")),
                message.map(|message| format!(": {message}")).unwrap_or_default(),
                self.last_termination_message()
                    .map(|summary| format!(". Before: {summary}"))
                    .unwrap_or_default(),
            ];
            return step_result(Step::Sidecar, StepStatus::Failed, message.concat());
        }
        if let Some(ended) = &state.terminated {
            let said = ended.message.as_deref().map(|said| format!(": {}", said.trim())).unwrap_or_default();
            let status = if ended.exit_code == 0 { StepStatus::Ok } else { StepStatus::Failed };
            return step_result(
                Step::Sidecar,
                status,
                format!("it has ended with code {}{said}", ended.exit_code),
            );
        }
        let new = decided.map(|decided| decided.image.as_str());
        let other = new.filter(|new| image_ref::version(new) != image_ref::version(image));
        let restarts = self.status.map_or(0, |status| status.restart_count);
        match (other, self.last_termination_message()) {
            (Some(other), _) => step_result(
                Step::Sidecar,
                StepStatus::Warning,
                format!("it runs {image}; a pod that is made now gets {other}"),
            ),
            (None, Some(summary)) if restarts > 0 => step_result(
                Step::Sidecar,
                StepStatus::Warning,
                format!("it runs {image}, restarted {restarts} times, the last time after: {summary}"),
            ),
            _ => step_result(Step::Sidecar, StepStatus::Ok, format!("it runs {image}")),
        }
    }

    /// Why it ended the last time.
    fn last_termination_message(&self) -> Option<String> {
        let ended = self.status?.last_state.as_ref()?.terminated.as_ref()?;
        let reason = ended.reason.as_deref().unwrap_or("no reason given");
        let said = ended.message.as_deref().map(|said| format!(": {}", said.trim())).unwrap_or_default();
        Some(format!("{reason}, code {}{said}", ended.exit_code))
    }
}

fn gets_credentials(container: &Container) -> bool {
    container.volume_mounts.iter().flatten().any(|mount| mount.name == CONFIG_VOLUME.name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::commands::explain::Explanation;

    fn decided(image: &str) -> CurrentDecision {
        let explanation = Explanation {
            object: "Pod/a".to_owned(),
            namespace: "shop".to_owned(),
            service_account: "batch".to_owned(),
            outcome: "skipped",
            reason: None,
            message: None,
            warnings: Vec::new(),
            settings: Vec::new(),
            additions: None,
        };
        CurrentDecision { explanation, image: image.to_owned() }
    }

    #[test]
    fn another_version_is_told_and_another_registry_is_none() {
        let status = json!([{"name": CONTAINER, "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {}}}]);
        let sidecar = json!([{"name": CONTAINER, "image": "mirror.example.com/rolebridge/sidecar:1.2.0",
            "command": [PROGRAM]}]);
        let pod = json!({"spec": {"containers": [], "initContainers": sidecar},
            "status": {"initContainerStatuses": status}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let seen = InjectedPod::of(&pod);
        for (new, status) in [
            ("ghcr.io/rolebridge/sidecar:1.2.0", StepStatus::Ok),
            ("ghcr.io/rolebridge/sidecar:1.3.0", StepStatus::Warning),
        ] {
            assert_eq!(seen.sidecar(Some(&decided(new))).status, status, "{new}");
        }
        assert_eq!(seen.sidecar(None).status, StepStatus::Ok);
    }
}
