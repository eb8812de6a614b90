//! Stale caches, and an API server that is slow, unavailable or silent.

use std::sync::Arc;
use std::time::Duration;

use rolebridge_webhook::deadlines::Deadlines;
use rolebridge_webhook::metadata::reader::RESULT_TTL;
use rolebridge_webhook::object_kind::ObjectKind;
use rolebridge_webhook::state::AppState;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

use crate::support::api::{Api, Behavior};
use crate::support::{ROLE, app_state, patch, pod, review, send_review, synced_state};

const ACCOUNT: &str = "/api/v1/namespaces/shop/serviceaccounts/batch";
const NAMESPACE: &str = "/api/v1/namespaces/shop";

/// Returns a state with the cached namespace `shop`, in which the watch has not delivered the account `batch`.
fn state_without_account(api: &Api) -> AppState {
    let state = synced_state(api, &[]);
    state.lookup.cache(ObjectKind::ServiceAccount).update(|accounts| accounts.remove("shop", "batch"));
    state
}

async fn mutate(state: &Arc<AppState>) -> Value {
    send_review(state, "/mutate", &review(&pod())).await
}

fn message(response: &Value) -> (u64, &str) {
    (response["status"]["code"].as_u64().unwrap(), response["status"]["message"].as_str().unwrap())
}

#[tokio::test]
async fn uncached_objects_are_read_live() {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    for state in [app_state(&api), synced_state(&api, &[])] {
        patch(&mutate(&Arc::new(state)).await);
        assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
    }
}

#[tokio::test]
async fn opt_in_of_the_namespace_is_read_live_before_a_skip() {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    let state = Arc::new(synced_state(&api, &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"] = json!({});
    let response = send_review(&state, "/mutate", &review(&pod)).await;
    assert_eq!(response["patch"], Value::Null);
    assert_eq!(api.requests(), [NAMESPACE], "a service account cannot opt a pod in");
}

#[tokio::test]
async fn denial_is_confirmed_by_a_live_read() {
    let api = Api::with_annotations(&json!({}));
    let response = mutate(&Arc::new(synced_state(&api, &[]))).await;
    assert_eq!(message(&response).0, 403);
    assert!(message(&response).1.contains(ROLE.0), "{response}");
}

#[tokio::test]
async fn denial_that_depends_on_the_pod_alone_reads_nothing() {
    let api = Api::default();
    let state = Arc::new(synced_state(&api, &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"]["rolebridge.io/inject"] = json!("yes");
    send_review(&state, "/mutate", &review(&pod)).await;
    assert_eq!(api.requests(), Vec::<String>::new());
}

#[rstest]
#[case::silent(Behavior::Silent, "no answer within 2s")]
#[case::unavailable(Behavior::Unavailable, "the server is currently unable")]
#[case::forbidden(Behavior::Forbidden, "serviceaccounts is forbidden")]
#[tokio::test(start_paused = true)]
async fn failed_read_of_an_unseen_account_denies_the_pod(#[case] behavior: Behavior, #[case] cause: &str) {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    api.set_behavior(behavior);
    let state = Arc::new(state_without_account(&api));
    let started = Instant::now();
    let response = mutate(&state).await;
    assert!(started.elapsed() < Deadlines::DEFAULT_REVIEW_TIMEOUT / 2, "the other half is for the body");
    assert_eq!(api.requests(), [ACCOUNT], "the cached namespace is not read");
    let (code, message) = message(&response);
    assert_eq!(code, 503);
    let expected = format!("Failed to read service account shop/batch from the Kubernetes API: {cause}");
    assert!(message.starts_with(&expected) && message.ends_with(". Fix: try again."), "{message}");
}

#[rstest]
#[case::silent(Behavior::Silent)]
#[case::unavailable(Behavior::Unavailable)]
#[case::forbidden(Behavior::Forbidden)]
#[tokio::test(start_paused = true)]
async fn failed_confirmation_leaves_the_decision_from_the_caches(#[case] behavior: Behavior) {
    let api = Api::default();
    api.set_behavior(behavior);
    let response = mutate(&Arc::new(synced_state(&api, &[]))).await;
    assert_eq!(message(&response).0, 403);
    assert!(message(&response).1.contains(ROLE.0), "{response}");
}

#[tokio::test]
async fn unseen_account_is_not_read_for_a_decision_without_it() {
    let api = Api::default();
    let state = Arc::new(state_without_account(&api));
    for (opt_in, read) in [(Some("yes"), &[][..]), (Some("false"), &[]), (None, &[NAMESPACE])] {
        let mut pod = pod();
        pod["metadata"]["annotations"] =
            opt_in.map_or(json!({}), |value| json!({"rolebridge.io/inject": value}));
        send_review(&state, "/mutate", &review(&pod)).await;
        assert_eq!(api.requests(), read, "{opt_in:?}");
    }
}

#[tokio::test]
async fn silent_api_server_does_not_affect_cached_objects() {
    let api = Api::default();
    api.set_behavior(Behavior::Silent);
    patch(&mutate(&Arc::new(synced_state(&api, &[ROLE]))).await);
}

#[tokio::test(start_paused = true)]
async fn silent_api_server_limits_the_preview_to_the_caches() {
    let api = Api::default();
    api.set_behavior(Behavior::Silent);
    let review = review(&json!({"kind": "Job", "spec": {"template": pod()}}));
    let warned = send_review(&Arc::new(synced_state(&api, &[])), "/workloads", &review).await;
    assert!(warned["warnings"][0].as_str().unwrap().contains("will be denied"), "{warned}");
    let silent = send_review(&Arc::new(app_state(&api)), "/workloads", &review).await;
    assert_eq!(silent, json!({"uid": silent["uid"], "allowed": true}));
}

#[tokio::test(start_paused = true)]
async fn concurrent_reads_are_shared() {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    api.set_behavior(Behavior::Delayed(Duration::from_millis(100)));
    let state = Arc::new(synced_state(&api, &[]));
    for response in futures::future::join_all((0..50).map(|_| mutate(&state))).await {
        patch(&response);
    }
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn read_continues_after_its_first_client_disconnects() {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    api.set_behavior(Behavior::Delayed(Duration::from_millis(100)));
    let state = Arc::new(synced_state(&api, &[]));
    let first = tokio::time::timeout(Duration::from_millis(50), mutate(&state));
    let (first, second) = tokio::join!(first, mutate(&state));
    assert!(first.is_err());
    patch(&second);
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn read_of_a_canceled_review_is_not_reused_after_it_expires() {
    let api = Api::with_annotations(&json!({}));
    api.set_behavior(Behavior::Delayed(Duration::from_millis(100)));
    let state = Arc::new(synced_state(&api, &[]));
    let left = tokio::time::timeout(Duration::from_millis(50), mutate(&state)).await;
    assert!(left.is_err());
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
    sleep(RESULT_TTL + Duration::from_millis(100)).await;
    api.put(ACCOUNT, &json!({ROLE.0: ROLE.1}));
    patch(&mutate(&state).await);
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
}

#[rstest]
#[case::absent(Behavior::Prompt)]
#[case::failed(Behavior::Unavailable)]
#[tokio::test(start_paused = true)]
async fn result_is_reused_until_it_expires(#[case] behavior: Behavior) {
    let api = Api::with_annotations(&json!({}));
    api.set_behavior(behavior);
    let state = Arc::new(synced_state(&api, &[]));
    let denied = mutate(&state).await;
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
    api.set_behavior(Behavior::Prompt);
    api.put(ACCOUNT, &json!({ROLE.0: ROLE.1}));
    advance(RESULT_TTL.mul_f32(0.99)).await;
    assert_eq!(mutate(&state).await, denied);
    assert_eq!(api.requests(), Vec::<String>::new());
    advance(Duration::from_millis(20)).await;
    patch(&mutate(&state).await);
    assert_eq!(api.requests(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test]
async fn invalid_name_is_never_requested() {
    let api = Api::with_annotations(&json!({ROLE.0: ROLE.1}));
    let state = Arc::new(synced_state(&api, &[]));
    for name in ["../../secrets/x", "a?b=c", "a#b", "a%2fb", "A", "a b", "..", &"a".repeat(254)] {
        let mut pod = pod();
        pod["spec"]["serviceAccountName"] = json!(name);
        let response = send_review(&state, "/mutate", &review(&pod)).await;
        assert_eq!(message(&response).0, 403, "{response}");
        assert!(!api.requests().iter().any(|path| path != NAMESPACE));
    }
}
