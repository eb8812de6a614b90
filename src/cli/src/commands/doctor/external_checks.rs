//! What is seen of a pod from outside: whether it runs, who signs its tokens, what limits its network.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client};
use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use serde::Deserialize;

use super::examine::step_result;
use crate::cluster::with_timeout;

pub(super) fn service_account(pod: &Pod) -> &str {
    let named = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
    named.unwrap_or("default")
}

pub(super) fn node(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref())
}

pub(super) fn has_ended(pod: &Pod) -> bool {
    ["Succeeded", "Failed"].contains(&phase(pod))
}

fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("unknown")
}

/// Whether the pod itself runs.
pub(super) fn pod(pod: &Pod) -> StepResult {
    let (phase, account) = (phase(pod), service_account(pod));
    match node(pod) {
        _ if has_ended(pod) => {
            let message = format!("it has ended ({phase}); its hops can be tried in a pod that runs");
            step_result(Step::Pod, StepStatus::Warning, message)
        }
        None => {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
            let conditions = conditions.unwrap_or_default();
            let why = conditions.iter().find(|condition| condition.type_ == "PodScheduled");
            let why = why.and_then(|condition| condition.message.as_deref()).unwrap_or("no reason given");
            step_result(Step::Pod, StepStatus::Failed, format!("it is on no node: {why}"))
        }
        Some(node) => step_result(
            Step::Pod,
            StepStatus::Ok,
            format!("{phase} on the node {node}, as the service account {account}"),
        ),
    }
}

pub(super) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or("POD")
}

pub(super) fn namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

/// Who signs the pod's tokens, for those who register it by hand.
pub(super) async fn issuer(client: &Client, pod: &Pod) -> StepResult {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }
    let asked = http::Request::get("/.well-known/openid-configuration").body(Vec::new());
    let found = match asked.map_err(|error| error.to_string()) {
        Ok(request) => with_timeout("the cluster's issuer", client.request::<Discovery>(request))
            .await
            .map_err(|failure| failure.to_string()),
        Err(error) => Err(error),
    };
    match found {
        Ok(Discovery { issuer }) => {
            let subject = format!("system:serviceaccount:{}:{}", namespace(pod), service_account(pod));
            let message = format!("{issuer}; the pod's tokens name {subject}");
            let evidence = Evidence { issuer: Some(issuer), subject: Some(subject), ..Evidence::default() };
            StepResult { evidence, ..step_result(Step::Issuer, StepStatus::Ok, message) }
        }
        Err(why) => step_result(Step::Issuer, StepStatus::Warning, why),
    }
}

/// Which policies limit where the pod may connect to.
pub(super) async fn network_policies(client: &Client, namespace: &str, pod: &Pod) -> StepResult {
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    let what = format!("the NetworkPolicies of the namespace {namespace}");
    let list = match with_timeout(&what, policies.list(&ListParams::default())).await {
        Ok(list) => list,
        Err(failure) => return step_result(Step::NetworkPolicies, StepStatus::Warning, failure.to_string()),
    };
    let selecting: Vec<_> = list.iter().filter(|policy| limits(policy, pod)).collect();
    let names: Vec<_> = selecting.iter().filter_map(|policy| policy.metadata.name.as_deref()).collect();
    if names.is_empty() {
        let message = "no NetworkPolicy limits where the pod may connect to";
        return step_result(Step::NetworkPolicies, StepStatus::Ok, message);
    }
    let message = format!("where the pod may connect to is limited by {}", names.join(", "));
    step_result(Step::NetworkPolicies, StepStatus::Warning, message)
}

fn limits(policy: &NetworkPolicy, pod: &Pod) -> bool {
    let Some(spec) = &policy.spec else { return false };
    // Without types a policy is of egress only if it has such rules.
    let is_of_egress = spec
        .policy_types
        .as_ref()
        .map_or(spec.egress.is_some(), |types| types.iter().any(|kind| kind == "Egress"));
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let selector = spec.pod_selector.clone().map_or_else(|| Ok(Selector::default()), Selector::try_from);
    is_of_egress && selector.is_ok_and(|selector| selector.matches(&labels))
}
