//! The pod that is examined, from the outside in.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use rolebridge_core::pod_names::CONTAINER;

use super::injected_pod::InjectedPod;
use super::injection::{self, CurrentDecision};
use super::remediation::{self, Remediation, ServiceAccountRef};
use super::render::DiagnosisWriter;
use super::{Diagnosis, ephemeral, exec, external_checks};
use crate::args::{ClusterOptions, InputOptions};
use crate::cluster::{fetch, with_timeout};
use crate::commands::explain;
use crate::error::CliError;
use crate::input::object_ref::ObjectRef;

/// The reasons that a network policy may be behind.
const OF_THE_NETWORK: [&str; 4] = ["connect", "timeout", "dns", "proxy"];

/// A pod and the way to it.
pub(super) struct Examination {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What has been found so far; each thing is told at once.
struct ResultLog<'a, 't> {
    steps: Vec<StepResult>,
    writer: &'a mut DiagnosisWriter<'t>,
}

impl ResultLog<'_, '_> {
    fn add(&mut self, result: StepResult) -> Result<(), CliError> {
        self.writer.step_result(&result)?;
        self.steps.push(result);
        Ok(())
    }
}

impl Examination {
    pub(super) async fn examine(
        &self,
        ephemeral: bool,
        input: &InputOptions,
        cluster: &ClusterOptions,
        writer: &mut DiagnosisWriter<'_>,
    ) -> Result<Diagnosis, CliError> {
        let what = format!("pod/{} in the namespace {}", self.name, self.namespace);
        let pod = with_timeout(&what, self.pods().get(&self.name)).await?;
        let decided = self.current_decision(input, cluster).await;
        let seen = InjectedPod::of(&pod);
        let mut log = ResultLog { steps: Vec::new(), writer };
        log.add(external_checks::pod(&pod))?;
        let (injection, remediation) = injection::injection(&pod, &seen, decided.as_ref());
        log.add(injection)?;
        if seen.is_injected() {
            log.add(seen.sidecar(decided.as_ref().ok()))?;
        }
        let remediation = match remediation {
            Some(remediation) => Some(remediation),
            None => self.steps(&pod, &seen, ephemeral, decided.as_ref().ok(), &mut log).await?,
        };
        let ResultLog { steps, .. } = log;
        let pod = Some(format!("pod/{}", self.name));
        Ok(Diagnosis { pod, namespace: Some(self.namespace.clone()), steps, remediation })
    }

    /// Tries the hops where that can be done; what mends the first that failed.
    async fn steps(
        &self,
        pod: &Pod,
        seen: &InjectedPod<'_>,
        ephemeral: bool,
        decided: Option<&CurrentDecision>,
        log: &mut ResultLog<'_, '_>,
    ) -> Result<Option<Remediation>, CliError> {
        let pods = self.pods();
        if ephemeral {
            let lines = ephemeral::lines(&pods, &self.name, seen, decided).await?;
            for result in lines.lines().filter_map(super::report_file::step_result) {
                log.add(result)?;
            }
        } else if seen.runs() {
            exec::steps(&pods, &self.name, &mut |result| log.add(result)).await?;
        } else {
            log.add(external_checks::issuer(&self.client, pod).await)?;
            return Ok(Some(self.suggest_ephemeral(pod, seen)));
        }
        let place = ServiceAccountRef {
            namespace: &self.namespace,
            service_account: external_checks::service_account(pod),
        };
        let mut failed = log.steps.iter().filter(|result| result.status == StepStatus::Failed);
        let is_of_the_network = |reason: &String| OF_THE_NETWORK.contains(&&**reason);
        if failed.any(|result| result.reason.as_ref().is_some_and(is_of_the_network)) {
            log.add(external_checks::network_policies(&self.client, &self.namespace, pod).await)?;
        }
        Ok(remediation::of(&log.steps, place))
    }

    /// The hops need a program in the pod.
    fn suggest_ephemeral(&self, pod: &Pod, seen: &InjectedPod<'_>) -> Remediation {
        let Self { name, namespace, .. } = self;
        if external_checks::has_ended(pod) {
            let summary = "the hops can be tried in a pod that runs. What this one's sidecar said:";
            return Remediation::new(summary, format!("kubectl -n {namespace} logs {name} -c {CONTAINER}"));
        }
        if external_checks::node(pod).is_none() {
            return Remediation::new("first let a node take the pod.", "");
        }
        let why = if seen.needs_no_sidecar() {
            "no sidecar runs in this pod, since the kubelet itself keeps its token."
        } else {
            "first let the sidecar run."
        };
        Remediation::new(
            format!(
                "{why} The hops can be tried in an ephemeral container, which stays in the pod until it ends:"
            ),
            format!("rolebridge doctor {name} -n {namespace} --ephemeral"),
        )
    }

    /// What the webhook would do with the pod now, as far as the user may know.
    async fn current_decision(
        &self,
        input: &InputOptions,
        cluster: &ClusterOptions,
    ) -> Result<CurrentDecision, CliError> {
        let target = ObjectRef::parse(&format!("pod/{}", self.name)).map_err(CliError::Cluster)?;
        let manifests = fetch::fetch_with(&self.client, &self.namespace, &target, input, cluster).await?;
        let explanation = explain::all(&manifests, Some(&target))?.remove(0);
        Ok(CurrentDecision { explanation, image: manifests.sidecar_image().to_owned() })
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// A hop that is seen from outside.
pub(super) fn step_result(step: Step, status: StepStatus, message: impl Into<String>) -> StepResult {
    StepResult {
        step,
        status,
        reason: None,
        message: message.into(),
        remediation: None,
        evidence: Evidence::default(),
    }
}
