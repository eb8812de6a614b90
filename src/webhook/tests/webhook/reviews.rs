//! What a good review gets.

use std::sync::Arc;

use rolebridge_webhook::router::Webhook;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::{ROLE, answer, patch, pod, review, synced};

fn ready() -> (Api, Arc<Webhook>) {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    let webhook = Arc::new(synced(&api, &[ROLE]));
    (api, webhook)
}

fn refused(pod: &mut Value) {
    pod["metadata"]["annotations"]["rolebridge.io/inject"] = json!("yes");
}

#[tokio::test]
async fn an_opted_in_pod_gets_a_patch_from_the_caches() {
    let (api, webhook) = ready();
    let response = answer(&webhook, "/mutate", &review(&pod())).await;
    assert_eq!(response["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
    let patch: json_patch::Patch = serde_json::from_value(patch(&response)).unwrap();
    let mut patched = pod();
    json_patch::patch(&mut patched, &patch).unwrap();
    assert_eq!(patched["spec"]["initContainers"][0]["name"], rolebridge_core::pod_names::CONTAINER);
    assert_eq!(api.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_is_forbidden_with_its_sentence() {
    let (_, webhook) = ready();
    let mut pod = pod();
    refused(&mut pod);
    let response = answer(&webhook, "/mutate", &review(&pod)).await;
    assert_eq!(response["allowed"], false);
    assert_eq!(response["status"]["code"], 403);
    let message = response["status"]["message"].as_str().unwrap();
    assert!(message.starts_with("rolebridge.io/inject: \"yes\""), "{message}");
}

#[tokio::test]
async fn what_is_no_creation_passes() {
    let (_, webhook) = ready();
    let mut pod = pod();
    refused(&mut pod);
    for operation in ["UPDATE", "DELETE", "CONNECT"] {
        let mut review = review(&pod);
        review["request"]["operation"] = json!(operation);
        if operation == "DELETE" {
            review["request"]["object"] = Value::Null;
        }
        let response = answer(&webhook, "/mutate", &review).await;
        assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
    }
}

#[tokio::test]
async fn a_workload_is_warned_and_never_refused_or_changed() {
    let (_, webhook) = ready();
    let mut pod = pod();
    refused(&mut pod);
    for (kind, spec) in [
        ("Deployment", json!({"template": pod})),
        ("CronJob", json!({"jobTemplate": {"spec": {"template": pod}}})),
    ] {
        let mut review = review(&json!({"kind": kind, "metadata": {"name": "nightly"}, "spec": spec}));
        review["request"]["kind"] = json!({"group": "apps", "version": "v1", "kind": kind});
        let response = answer(&webhook, "/workloads", &review).await;
        assert_eq!((&response["allowed"], &response["patch"]), (&json!(true), &Value::Null));
        let warning = response["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with(&format!("The pods of this {kind} will be refused: rolebridge.io/inject")),
            "{warning}"
        );
    }
}

#[tokio::test]
async fn an_opt_in_that_has_no_effect_is_told() {
    let (_, webhook) = ready();
    let mut template = pod();
    template["metadata"]["annotations"] = Value::Null;
    let mut labelled = template.clone();
    labelled["metadata"]["labels"] = json!({"rolebridge.io/inject": "true"});
    for (metadata, template, told) in [
        (json!({"annotations": {"rolebridge.io/inject": "true"}}), &template, "on the Deployment itself"),
        (json!({"labels": {"rolebridge.io/inject": "true"}}), &template, "on the Deployment itself"),
        (json!({}), &labelled, "among its labels: rolebridge.io/inject"),
    ] {
        let object = json!({"kind": "Deployment", "metadata": metadata, "spec": {"template": template}});
        let response = answer(&webhook, "/workloads", &review(&object)).await;
        assert_eq!((&response["allowed"], &response["patch"]), (&json!(true), &Value::Null));
        let warnings = response["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].as_str().unwrap().contains(told), "{warnings:?}");
    }
}

#[tokio::test]
async fn a_good_workload_gets_no_warning() {
    let (_, webhook) = ready();
    for object in
        [json!({"kind": "Deployment", "spec": {"template": pod()}}), json!({"kind": "Job"}), Value::Null]
    {
        let response = answer(&webhook, "/workloads", &review(&object)).await;
        assert_eq!(response, json!({"uid": response["uid"], "allowed": true}));
    }
}
