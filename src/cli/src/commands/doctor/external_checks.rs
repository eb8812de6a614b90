//! Steps that are checked from outside the pod: the pod, the issuer of its tokens, its network policies.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::ListParams;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client};
use rolebridge_core::diagnostics::{Evidence, Step, StepResult, StepStatus};
use serde::Deserialize;

use crate::cluster::pod::{has_finished, namespace, node, phase, service_account};
use crate::cluster::with_timeout;
use crate::commands::doctor::diagnosis::external_result;

/// Checks whether the pod runs.
pub(super) fn check_pod(pod: &Pod) -> StepResult {
    let (phase, account) = (phase(pod), service_account(pod));
    let (status, message) = match node(pod) {
        _ if has_finished(pod) => {
            (StepStatus::Warning, format!("finished ({phase}); the steps need a running pod"))
        }
        None => {
            let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
            let scheduled =
                conditions.unwrap_or_default().iter().find(|condition| condition.type_ == "PodScheduled");
            let message = scheduled.and_then(|condition| condition.message.as_deref());
            let message = message.unwrap_or("no reason reported");
            (StepStatus::Failed, format!("not scheduled to a node: {message}"))
        }
        Some(node) => {
            (StepStatus::Ok, format!("{phase} on the node {node}, as the service account {account}"))
        }
    };
    external_result(Step::Pod, status, message)
}

/// Finds the issuer and subject of the pod's tokens, for users who register the issuer by hand.
pub(super) async fn find_issuer(client: &Client, pod: &Pod) -> StepResult {
    #[derive(Deserialize)]
    struct Discovery {
        issuer: String,
    }
    let request = http::Request::get("/.well-known/openid-configuration").body(Vec::new());
    let discovery = match request.map_err(|error| error.to_string()) {
        Ok(request) => with_timeout("the cluster's issuer", client.request::<Discovery>(request))
            .await
            .map_err(|error| error.to_string()),
        Err(message) => Err(message),
    };
    match discovery {
        Ok(Discovery { issuer }) => {
            let subject = format!("system:serviceaccount:{}:{}", namespace(pod), service_account(pod));
            let message = format!("{issuer}; the subject of the pod's tokens is {subject}");
            let evidence = Evidence { issuer: Some(issuer), subject: Some(subject), ..Evidence::default() };
            StepResult { evidence, ..external_result(Step::Issuer, StepStatus::Ok, message) }
        }
        Err(message) => external_result(Step::Issuer, StepStatus::Warning, message),
    }
}

/// Lists the network policies that limit the pod's egress.
pub(super) async fn check_network_policies(client: &Client, namespace: &str, pod: &Pod) -> StepResult {
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    let subject = format!("the NetworkPolicies of the namespace {namespace}");
    let (status, message) = match with_timeout(&subject, policies.list(&ListParams::default())).await {
        Ok(list) => {
            let limiting = list.iter().filter(|policy| limits_egress(policy, pod));
            let names: Vec<_> = limiting.filter_map(|policy| policy.metadata.name.as_deref()).collect();
            if names.is_empty() {
                (StepStatus::Ok, "no NetworkPolicy limits the pod's egress".to_owned())
            } else {
                (StepStatus::Warning, format!("the pod's egress is limited by {}", names.join(", ")))
            }
        }
        Err(error) => (StepStatus::Warning, error.to_string()),
    };
    external_result(Step::NetworkPolicies, status, message)
}

fn limits_egress(policy: &NetworkPolicy, pod: &Pod) -> bool {
    let Some(spec) = &policy.spec else { return false };
    // Without policyTypes, a policy limits egress only if it has egress rules.
    let has_egress_rules = spec
        .policy_types
        .as_ref()
        .map_or(spec.egress.is_some(), |types| types.iter().any(|kind| kind == "Egress"));
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let selector = spec.pod_selector.clone().map_or_else(|| Ok(Selector::default()), Selector::try_from);
    has_egress_rules && selector.is_ok_and(|selector| selector.matches(&labels))
}
