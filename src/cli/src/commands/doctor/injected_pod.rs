//! The injected parts of a pod, and the state of its sidecar.

use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStateTerminated, ContainerStatus, Pod};
use rolebridge_core::annotations::START_AFTER;
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};
use rolebridge_core::pod_names::CONFIG_VOLUME;

use crate::cluster::pod::{last_termination, sidecar, sidecar_status};
use crate::commands::doctor::diagnosis::{CurrentDecision, external_result};
use crate::image_ref;

/// The injected parts of a pod.
pub(super) struct InjectedPod<'a> {
    pub(super) sidecar: Option<&'a Container>,
    /// The first container with credentials.
    pub(super) app: Option<&'a Container>,
    status: Option<&'a ContainerStatus>,
    has_config_volume: bool,
}

impl<'a> InjectedPod<'a> {
    pub(super) fn of(pod: &'a Pod) -> Self {
        let spec = pod.spec.as_ref();
        let volumes = spec.and_then(|spec| spec.volumes.as_deref()).unwrap_or_default();
        let sidecar = sidecar(pod);
        Self {
            sidecar,
            app: spec.and_then(|spec| spec.containers.iter().find(|container| has_credentials(container))),
            status: sidecar_status(pod).filter(|_| sidecar.is_some()),
            has_config_volume: volumes.iter().any(|volume| volume.name == CONFIG_VOLUME.name),
        }
    }

    pub(super) const fn is_injected(&self) -> bool {
        self.sidecar.is_some() || self.has_config_volume
    }

    /// Returns true for an injected pod without a sidecar: the identity `kubernetes` with the source `file`.
    pub(super) const fn needs_no_sidecar(&self) -> bool {
        self.sidecar.is_none() && self.has_config_volume
    }

    pub(super) fn has_running_sidecar(&self) -> bool {
        self.state().is_some_and(|state| state.running.is_some())
    }

    fn state(&self) -> Option<&ContainerState> {
        self.status?.state.as_ref()
    }

    /// Checks the sidecar's container.
    pub(super) fn check_sidecar(&self, decision: Option<&CurrentDecision>) -> StepResult {
        let (status, message) = self.sidecar_state(decision);
        external_result(Step::Sidecar, status, message)
    }

    fn sidecar_state(&self, decision: Option<&CurrentDecision>) -> (StepStatus, String) {
        let Some(container) = self.sidecar else {
            let message = "not needed: the kubelet itself keeps the token";
            return (StepStatus::Ok, message.to_owned());
        };
        let image = container.image.as_deref().unwrap_or("no image");
        let Some(state) = self.state() else {
            return (StepStatus::Failed, "the kubelet has not started it yet".to_owned());
        };
        if let Some(waiting) = &state.waiting {
            let (reason, message) = (waiting.reason.as_deref(), waiting.message.as_deref());
            let message = [
                format!("not running: {}", reason.unwrap_or("no reason reported")),
                message.map(|message| format!(": {message}")).unwrap_or_default(),
                self.previous_run().map(|run| format!(". Previous run: {run}")).unwrap_or_default(),
            ];
            return (StepStatus::Failed, message.concat());
        }
        if let Some(terminated) = &state.terminated {
            let status = if terminated.exit_code == 0 { StepStatus::Ok } else { StepStatus::Failed };
            return (status, format!("exited with {}", exit(terminated)));
        }
        let networks = decision.map(|decision| &*decision.evaluation.late_networks).unwrap_or_default();
        let is_waiting = self.status.is_some_and(|status| status.started == Some(false));
        if is_waiting && !networks.is_empty() {
            return (StepStatus::Warning, waits_before(image, &networks.join(", ")));
        }
        let new_image = decision.map(|decision| decision.image.as_str());
        let new_image = new_image.filter(|new| image_ref::version(new) != image_ref::version(image));
        let restarts = self.status.map_or(0, |status| status.restart_count);
        match (new_image, self.previous_run()) {
            (Some(new_image), _) => {
                (StepStatus::Warning, format!("running {image}; new pods get {new_image}"))
            }
            (None, Some(run)) if restarts > 0 => (
                StepStatus::Warning,
                format!("running {image}, restarted {restarts} times; previous run: {run}"),
            ),
            _ => (StepStatus::Ok, format!("running {image}")),
        }
    }

    /// Returns the reason and message with which the previous run of the sidecar ended.
    fn previous_run(&self) -> Option<String> {
        let terminated = last_termination(self.status?)?;
        let reason = terminated.reason.as_deref().unwrap_or("no reason reported");
        Some(format!("{reason}, {}", exit(terminated)))
    }
}

/// Describes a sidecar that waits for its first token before the pod may have a network.
fn waits_before(image: &str, networks: &str) -> String {
    format!(
        "running {image}, without a first token. {networks} starts after it. If the pod has no network before that, name it in \
         {START_AFTER} and recreate the pod"
    )
}

/// Formats the exit code and the termination message of a container, which it writes itself.
fn exit(terminated: &ContainerStateTerminated) -> String {
    let message = terminated.message.as_deref().map(|message| format!("; it states: {}", message.trim()));
    format!("exit code {}{}", terminated.exit_code, message.unwrap_or_default())
}

fn has_credentials(container: &Container) -> bool {
    container.volume_mounts.iter().flatten().any(|mount| mount.name == CONFIG_VOLUME.name)
}

#[cfg(test)]
mod tests {
    use rolebridge_core::pod_names::{CONTAINER, PROGRAM};
    use rolebridge_inject::{Decision, Reason};
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::admission::Evaluation;

    fn decision(image: &str) -> CurrentDecision {
        let evaluation = Evaluation {
            object: "Pod/a".to_owned(),
            namespace: "shop".to_owned(),
            service_account: "batch".to_owned(),
            decision: Decision::Skip(Reason::AlreadyInjected),
            warnings: Vec::new(),
            settings: Vec::new(),
            env_findings: Vec::new(),
            limit_findings: Vec::new(),
            late_networks: Vec::new(),
            not_selected: None,
        };
        CurrentDecision { evaluation, image: image.to_owned(), unknown_limits: None }
    }

    #[rstest]
    #[case::waiting(false, &["kuma-sidecar"], "kuma-sidecar starts after it")]
    #[case::started(true, &["kuma-sidecar"], "running sidecar:1")]
    #[case::no_network(false, &[], "running sidecar:1")]
    fn check_sidecar_names_a_network_that_starts_later(
        #[case] started: bool,
        #[case] networks: &[&str],
        #[case] expected: &str,
    ) {
        let statuses = json!([{"name": CONTAINER, "image": "", "imageID": "", "ready": started, "restartCount": 0,
            "started": started, "state": {"running": {}}}]);
        let sidecar = json!([{"name": CONTAINER, "image": "sidecar:1", "command": [PROGRAM]}]);
        let pod = json!({"spec": {"containers": [], "initContainers": sidecar},
            "status": {"initContainerStatuses": statuses}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let mut decision = decision("sidecar:1");
        decision.evaluation.late_networks = networks.iter().map(ToString::to_string).collect();
        let message = InjectedPod::of(&pod).check_sidecar(Some(&decision)).message;
        assert!(message.contains(expected), "{message}");
    }

    #[rstest]
    #[case::other_registry(Some("ghcr.io/rolebridge/sidecar:1.2.0"), StepStatus::Ok)]
    #[case::other_version(Some("ghcr.io/rolebridge/sidecar:1.3.0"), StepStatus::Warning)]
    #[case::unknown(None, StepStatus::Ok)]
    fn check_sidecar_compares_versions(#[case] new_image: Option<&str>, #[case] status: StepStatus) {
        let statuses = json!([{"name": CONTAINER, "image": "", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {}}}]);
        let sidecar = json!([{"name": CONTAINER, "image": "mirror.example.com/rolebridge/sidecar:1.2.0",
            "command": [PROGRAM]}]);
        let pod = json!({"spec": {"containers": [], "initContainers": sidecar},
            "status": {"initContainerStatuses": statuses}});
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let decision = new_image.map(decision);
        assert_eq!(InjectedPod::of(&pod).check_sidecar(decision.as_ref()).status, status);
    }
}
