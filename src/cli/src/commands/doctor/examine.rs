//! Examines a pod in the cluster, from the outside in.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use rolebridge_core::diagnostics::{DOCTOR_ARGS, SIGN_ARG, StepResult, StepStatus};
use rolebridge_core::pod_names::CONTAINER;

use crate::admission::evaluate_all;
use crate::cluster::pod::{has_finished, node, service_account};
use crate::cluster::{fetch, with_timeout};
use crate::commands::doctor::diagnosis::{CurrentDecision, DiagnosedStep, Diagnosis, Remediation, Witness};
use crate::commands::doctor::injected_pod::InjectedPod;
use crate::commands::doctor::injection::check_injection;
use crate::commands::doctor::remediation::{ServiceAccountRef, remediation};
use crate::commands::doctor::render::DiagnosisWriter;
use crate::commands::doctor::{ephemeral, exec, external_checks, report_file};
use crate::error::CliError;
use crate::input::object_ref::ObjectRef;
use crate::options::{ClusterOptions, InputOptions};
use crate::output::quote::shell;

/// The reason codes that a network policy may cause.
const NETWORK_REASONS: [&str; 4] = ["connect", "timeout", "dns", "proxy"];

/// An examination of one pod.
pub(super) struct Examination {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
    /// True to sign as the service accounts too.
    pub(super) sign: bool,
}

/// The results so far. Each is written as soon as it is added.
struct ResultLog<'a, 'o, 'w> {
    steps: Vec<DiagnosedStep>,
    writer: &'a mut DiagnosisWriter<'o, 'w>,
}

impl ResultLog<'_, '_, '_> {
    /// Adds a result that was checked from outside the pod.
    fn add(&mut self, result: StepResult) -> Result<(), CliError> {
        self.add_step(DiagnosedStep { stated_by: Witness::Cluster, result })
    }

    /// Adds a result that the pod states about itself.
    fn add_statement(&mut self, result: StepResult) -> Result<(), CliError> {
        self.add_step(DiagnosedStep { stated_by: Witness::Pod, result })
    }

    fn add_step(&mut self, step: DiagnosedStep) -> Result<(), CliError> {
        self.writer.write_step(&step)?;
        self.steps.push(step);
        Ok(())
    }

    /// Returns what the pod states about itself.
    fn statements(&self) -> Vec<StepResult> {
        let statements = self.steps.iter().filter(|step| step.stated_by == Witness::Pod);
        statements.map(|step| step.result.clone()).collect()
    }
}

impl Examination {
    /// Runs all steps that are possible and returns the diagnosis.
    ///
    /// # Errors
    ///
    /// Returns an error if the pod cannot be read, or if its steps cannot be run.
    pub(super) async fn run(
        &self,
        ephemeral: bool,
        input: &InputOptions,
        cluster: &ClusterOptions,
        writer: &mut DiagnosisWriter<'_, '_>,
    ) -> Result<Diagnosis, CliError> {
        let subject = format!("pod/{} in the namespace {}", self.name, self.namespace);
        let pod = with_timeout(&subject, self.pods().get(&self.name)).await?;
        let decision = self.current_decision(input, cluster).await;
        let injected = InjectedPod::of(&pod);
        let mut log = ResultLog { steps: Vec::new(), writer };
        log.add(external_checks::check_pod(&pod))?;
        let (injection, remediation) = check_injection(&pod, &injected, decision.as_ref());
        log.add(injection)?;
        if let Ok(decision) = &decision {
            decision.findings().try_for_each(|finding| log.add(finding))?;
        }
        if injected.is_injected() {
            log.add(injected.check_sidecar(decision.as_ref().ok()))?;
        }
        let remediation = match remediation {
            Some(remediation) => Some(remediation),
            None => self.run_steps(&pod, &injected, ephemeral, decision.as_ref().ok(), &mut log).await?,
        };
        let pod = Some(format!("pod/{}", self.name));
        Ok(Diagnosis::new(pod, Some(self.namespace.clone()), log.steps, remediation))
    }

    /// Runs the steps in the pod if possible, and returns the remediation for the first that failed.
    async fn run_steps(
        &self,
        pod: &Pod,
        injected: &InjectedPod<'_>,
        ephemeral: bool,
        decision: Option<&CurrentDecision>,
        log: &mut ResultLog<'_, '_, '_>,
    ) -> Result<Option<Remediation>, CliError> {
        let pods = self.pods();
        if ephemeral {
            let output =
                ephemeral::run_steps(&pods, &self.name, &self.arguments(), injected, decision).await?;
            report_file::parse(output.as_bytes()).try_for_each(|result| log.add_statement(result))?;
        } else if injected.has_running_sidecar() {
            let on_result = &mut |result| log.add_statement(result);
            exec::run_steps(&pods, &self.name, &self.arguments(), on_result).await?;
        } else {
            log.add(external_checks::find_issuer(&self.client, pod).await)?;
            return Ok(Some(self.suggest_ephemeral(pod, injected)));
        }
        let statements = log.statements();
        let mut failed = statements.iter().filter(|result| result.status == StepStatus::Failed);
        let is_network_reason = |reason: &String| NETWORK_REASONS.contains(&&**reason);
        if failed.any(|result| result.reason.as_ref().is_some_and(is_network_reason)) {
            let policies = external_checks::check_network_policies(&self.client, &self.namespace, pod);
            log.add(policies.await)?;
        }
        let account = ServiceAccountRef { namespace: &self.namespace, name: service_account(pod) };
        Ok(remediation(&statements, Some(account)))
    }

    /// Returns what to do about a pod without a running sidecar.
    fn suggest_ephemeral(&self, pod: &Pod, injected: &InjectedPod<'_>) -> Remediation {
        let (name, namespace) = (shell(&self.name), shell(&self.namespace));
        if has_finished(pod) {
            let summary = "run doctor on a running pod. To read the log of this pod's sidecar:";
            return Remediation::new(summary, format!("kubectl -n {namespace} logs {name} -c {CONTAINER}"));
        }
        if node(pod).is_none() {
            return Remediation::new("first get the pod scheduled to a node.", "");
        }
        let prefix = if injected.needs_no_sidecar() {
            "this pod has no sidecar, because the kubelet itself keeps its token."
        } else {
            "first get the sidecar to run."
        };
        Remediation::new(
            format!(
                "{prefix} To run the steps in an ephemeral container, which stays in the pod until the pod is deleted:"
            ),
            format!(
                "rolebridge doctor {name} -n {namespace}{} --ephemeral",
                if self.sign { " --sign" } else { "" }
            ),
        )
    }

    /// Returns the decision that the webhook would make about the pod now.
    async fn current_decision(
        &self,
        input: &InputOptions,
        cluster: &ClusterOptions,
    ) -> Result<CurrentDecision, CliError> {
        let target = ObjectRef::parse(&format!("pod/{}", self.name)).map_err(CliError::Cluster)?;
        let manifests = fetch::fetch_with(&self.client, &self.namespace, &target, input, cluster).await?;
        let (_, evaluation) = evaluate_all(&manifests, Some(&target))?.remove(0);
        let image = manifests.sidecar_image().to_owned();
        Ok(CurrentDecision { evaluation, image, unknown_limits: manifests.unknown_limits.clone() })
    }

    /// Returns the arguments of the sidecar.
    fn arguments(&self) -> Vec<&'static str> {
        DOCTOR_ARGS.iter().copied().chain(self.sign.then_some(SIGN_ARG)).collect()
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}
