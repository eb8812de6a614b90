//! The pod that is examined, from the outside in.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use rolebridge_core::pod_names::CONTAINER;

use super::injection::{self, Decided};
use super::mend::{self, Mend, Place};
use super::seen::Seen;
use super::tell::Teller;
use super::{Diagnosis, ephemeral, exec, outside};
use crate::arguments::{Cluster, Surroundings};
use crate::cluster::answer;
use crate::failure::Failure;
use crate::kind::Target;
use crate::{explain, live};

/// The reasons that a network policy may be behind.
const OF_THE_NETWORK: [&str; 4] = ["connect", "timeout", "dns", "proxy"];

/// A pod and the way to it.
pub(super) struct Patient {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// What has been found so far; each thing is told at once.
struct Chart<'a, 't> {
    steps: Vec<StepResult>,
    teller: &'a mut Teller<'t>,
}

impl Chart<'_, '_> {
    fn add(&mut self, result: StepResult) -> Result<(), Failure> {
        self.teller.step_result(&result)?;
        self.steps.push(result);
        Ok(())
    }
}

impl Patient {
    pub(super) async fn examine(
        &self,
        ephemeral: bool,
        surroundings: &Surroundings,
        cluster: &Cluster,
        teller: &mut Teller<'_>,
    ) -> Result<Diagnosis, Failure> {
        let what = format!("pod/{} in the namespace {}", self.name, self.namespace);
        let pod = answer(&what, self.pods().get(&self.name)).await?;
        let decided = self.decided(surroundings, cluster).await;
        let seen = Seen::of(&pod);
        let mut chart = Chart { steps: Vec::new(), teller };
        chart.add(outside::pod(&pod))?;
        let (injection, mend) = injection::injection(&pod, &seen, decided.as_ref());
        chart.add(injection)?;
        if seen.is_injected() {
            chart.add(seen.sidecar(decided.as_ref().ok()))?;
        }
        let mend = match mend {
            Some(mend) => Some(mend),
            None => self.steps(&pod, &seen, ephemeral, decided.as_ref().ok(), &mut chart).await?,
        };
        let Chart { steps, .. } = chart;
        let pod = Some(format!("pod/{}", self.name));
        Ok(Diagnosis { pod, namespace: Some(self.namespace.clone()), steps, mend })
    }

    /// Tries the hops where that can be done; what mends the first that failed.
    async fn steps(
        &self,
        pod: &Pod,
        seen: &Seen<'_>,
        ephemeral: bool,
        decided: Option<&Decided>,
        chart: &mut Chart<'_, '_>,
    ) -> Result<Option<Mend>, Failure> {
        let pods = self.pods();
        if ephemeral {
            let lines = ephemeral::lines(&pods, &self.name, seen, decided).await?;
            for result in lines.lines().filter_map(super::report::step_result) {
                chart.add(result)?;
            }
        } else if seen.runs() {
            exec::steps(&pods, &self.name, &mut |result| chart.add(result)).await?;
        } else {
            chart.add(outside::issuer(&self.client, pod).await)?;
            return Ok(Some(self.offer(pod, seen)));
        }
        let place = Place { namespace: &self.namespace, service_account: outside::service_account(pod) };
        let mut failed = chart.steps.iter().filter(|result| result.status == StepStatus::Failed);
        let is_of_the_network = |reason: &String| OF_THE_NETWORK.contains(&&**reason);
        if failed.any(|result| result.reason.as_ref().is_some_and(is_of_the_network)) {
            chart.add(outside::network_policies(&self.client, &self.namespace, pod).await)?;
        }
        Ok(mend::of(&chart.steps, place))
    }

    /// The hops need a program in the pod.
    fn offer(&self, pod: &Pod, seen: &Seen<'_>) -> Mend {
        let Self { name, namespace, .. } = self;
        if outside::has_ended(pod) {
            let words = "the hops can be tried in a pod that runs. What this one's sidecar said:";
            return Mend::new(words, format!("kubectl -n {namespace} logs {name} -c {CONTAINER}"));
        }
        if outside::node(pod).is_none() {
            return Mend::new("first let a node take the pod.", "");
        }
        let why = if seen.needs_no_sidecar() {
            "no sidecar runs in this pod, since the kubelet itself keeps its token."
        } else {
            "first let the sidecar run."
        };
        Mend::new(
            format!(
                "{why} The hops can be tried in an ephemeral container, which stays in the pod until it ends:"
            ),
            format!("rolebridge doctor {name} -n {namespace} --ephemeral"),
        )
    }

    /// What the webhook would do with the pod now, as far as the user may know.
    async fn decided(&self, surroundings: &Surroundings, cluster: &Cluster) -> Result<Decided, Failure> {
        let target = Target::parse(&format!("pod/{}", self.name)).map_err(Failure::Cluster)?;
        let manifests = live::read_in(&self.client, &self.namespace, &target, surroundings, cluster).await?;
        let explanation = explain::all(&manifests, Some(&target))?.remove(0);
        Ok(Decided { explanation, image: manifests.sidecar_image().to_owned() })
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// A hop that is seen from outside.
pub(super) fn step_result(step: Step, status: StepStatus, message: impl Into<String>) -> StepResult {
    StepResult { step, status, reason: None, message: message.into(), evidence: Evidence::default() }
}
