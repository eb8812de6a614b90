//! Responses to valid reviews.

use std::sync::Arc;

use rolebridge_webhook::handlers::pod_templates::MAX_PREVIEWED_TEMPLATES;
use rolebridge_webhook::state::AppState;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::{ROLE, patch, pod, review, send_review, synced_state};

fn ready_state() -> (Api, Arc<AppState>) {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    let state = Arc::new(synced_state(&api, &[ROLE]));
    (api, state)
}

fn make_invalid(pod: &mut Value) {
    pod["metadata"]["annotations"]["rolebridge.io/inject"] = json!("yes");
}

#[tokio::test]
async fn opted_in_pod_is_patched_from_the_caches() {
    let (api, state) = ready_state();
    let response = send_review(&state, "/mutate", &review(&pod())).await;
    assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
    let patch: json_patch::Patch = serde_json::from_value(patch(&response)).unwrap();
    let mut patched = pod();
    json_patch::patch(&mut patched, &patch).unwrap();
    assert_eq!(patched["spec"]["initContainers"][0]["name"], rolebridge_core::pod_names::CONTAINER);
    assert_eq!(api.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn invalid_pod_is_denied_with_a_message() {
    let (_, state) = ready_state();
    let mut pod = pod();
    make_invalid(&mut pod);
    let response = send_review(&state, "/mutate", &review(&pod)).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("rolebridge.io/inject on the pod: expected "), "{message}");
    assert!(message.contains("found \"yes\""), "{message}");
}

#[tokio::test]
async fn other_operations_pass_unchanged() {
    let (_, state) = ready_state();
    let mut pod = pod();
    make_invalid(&mut pod);
    for operation in ["UPDATE", "DELETE", "CONNECT"] {
        let mut review = review(&pod);
        review["request"]["operation"] = json!(operation);
        if operation == "DELETE" {
            review["request"]["object"] = Value::Null;
        }
        let response = send_review(&state, "/mutate", &review).await;
        assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
    }
}

#[tokio::test]
async fn invalid_workload_gets_a_warning_and_passes_unchanged() {
    let (_, state) = ready_state();
    let mut pod = pod();
    make_invalid(&mut pod);
    for (kind, spec) in [
        ("Deployment", json!({"template": pod})),
        ("CronJob", json!({"jobTemplate": {"spec": {"template": pod}}})),
    ] {
        let mut review = review(&json!({"kind": kind, "metadata": {"name": "nightly"}, "spec": spec}));
        review["request"]["kind"] = json!({"group": "apps", "version": "v1", "kind": kind});
        let response = send_review(&state, "/workloads", &review).await;
        assert_eq!((&response["allowed"], &response["patch"]), (&json!(true), &Value::Null));
        let warning = response["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with(&format!("The pods of this {kind} will be denied: rolebridge.io/inject")),
            "{warning}"
        );
    }
}

#[rstest]
#[case::annotation_of_the_workload(json!({"annotations": {"rolebridge.io/inject": "true"}}), json!({}), "rolebridge.io/inject on the Deployment has no effect")]
#[case::label_of_the_workload(json!({"labels": {"rolebridge.io/inject": "true"}}), json!({}), "rolebridge.io/inject on the Deployment has no effect")]
#[case::label_of_the_pod(json!({}), json!({"labels": {"rolebridge.io/inject": "true"}}), "Labels on the pod have no effect: rolebridge.io/inject")]
#[tokio::test]
async fn opt_in_without_effect_gets_a_warning(
    #[case] metadata: Value,
    #[case] pod_metadata: Value,
    #[case] expected: &str,
) {
    let (_, state) = ready_state();
    let mut template = pod();
    template["metadata"] = pod_metadata;
    let object = json!({"kind": "Deployment", "metadata": metadata, "spec": {"template": template}});
    let response = send_review(&state, "/workloads", &review(&object)).await;
    assert_eq!((&response["allowed"], &response["patch"]), (&json!(true), &Value::Null));
    let warnings = response["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].as_str().unwrap().contains(expected), "{warnings:?}");
}

#[tokio::test]
async fn valid_workload_gets_no_warning() {
    let (_, state) = ready_state();
    for object in
        [json!({"kind": "Deployment", "spec": {"template": pod()}}), json!({"kind": "Job"}), Value::Null]
    {
        let response = send_review(&state, "/workloads", &review(&object)).await;
        assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
    }
}

/// Returns a review of a `RayCluster` with a pod template for its head and one for each group of workers.
fn review_cluster(head: &Value, workers: &[&Value]) -> Value {
    let groups: Vec<_> = workers.iter().map(|template| json!({"template": template})).collect();
    let spec = json!({"headGroupSpec": {"template": head}, "workerGroupSpecs": groups});
    let mut review = review(&json!({"apiVersion": "ray.io/v1", "kind": "RayCluster", "spec": spec}));
    review["request"]["kind"] = json!({"group": "ray.io", "version": "v1", "kind": "RayCluster"});
    review
}

#[tokio::test]
async fn templates_of_another_kind_get_each_warning_once() {
    let (_, state) = ready_state();
    let (valid, mut invalid) = (pod(), pod());
    make_invalid(&mut invalid);
    let response =
        send_review(&state, "/pod-templates", &review_cluster(&valid, &[&invalid, &invalid])).await;
    assert_eq!((&response["allowed"], &response["patch"]), (&json!(true), &Value::Null));
    let warnings = response["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let expected = "The pods of this RayCluster will be denied: rolebridge.io/inject on the pod: expected ";
    assert!(warnings[0].as_str().unwrap().starts_with(expected), "{warnings:?}");
}

#[tokio::test]
async fn previewed_templates_of_an_object_are_limited() {
    let (_, state) = ready_state();
    let (valid, mut invalid) = (pod(), pod());
    make_invalid(&mut invalid);
    let mut workers = vec![&valid; MAX_PREVIEWED_TEMPLATES - 1];
    workers.push(&invalid);
    let response = send_review(&state, "/pod-templates", &review_cluster(&valid, &workers)).await;
    assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
}

#[tokio::test]
async fn key_outside_the_templates_of_another_kind_gets_a_warning() {
    let (_, state) = ready_state();
    let object = json!({"kind": "Workflow", "spec": {"podMetadata": {"annotations": {"rolebridge.io/injct": "true"}}}});
    let response = send_review(&state, "/pod-templates", &review(&object)).await;
    let warning = response["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("rolebridge.io/injct in spec.podMetadata.annotations of the Pod"),
        "{warning}"
    );
    for object in [json!({}), json!("text"), Value::Null] {
        let response = send_review(&state, "/pod-templates", &review(&object)).await;
        assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
    }
}
