//! Caches that are too old, and an API server in every mood.

use std::sync::Arc;
use std::time::Duration;

use rolebridge_webhook::live::FRESH;
use rolebridge_webhook::patience::Patience;
use rolebridge_webhook::router::Webhook;
use serde_json::{Value, json};
use tokio::time::{Instant, advance};

use crate::support::api::{Api, Mood};
use crate::support::{ROLE, answer, patch, pod, review, synced, webhook};

const ACCOUNT: &str = "/api/v1/namespaces/shop/serviceaccounts/batch";
const NAMESPACE: &str = "/api/v1/namespaces/shop";

async fn mutate(webhook: &Arc<Webhook>) -> Value {
    answer(webhook, "/mutate", &review(&pod())).await
}

fn message(response: &Value) -> (u64, &str) {
    (response["status"]["code"].as_u64().unwrap(), response["status"]["message"].as_str().unwrap())
}

#[tokio::test]
async fn what_the_caches_lack_is_read_live() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    for webhook in [webhook(&api), synced(&api, &[])] {
        patch(&mutate(&Arc::new(webhook)).await);
        assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
    }
}

#[tokio::test]
async fn a_namespace_opts_in_though_the_cache_has_not_heard() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    let webhook = Arc::new(synced(&api, &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"] = json!({});
    let response = answer(&webhook, "/mutate", &review(&pod)).await;
    assert_eq!(response["patch"], Value::Null);
    assert_eq!(
        api.asked(),
        [NAMESPACE, ACCOUNT],
        "it would only have been skipped by what was read just now"
    );
}

#[tokio::test]
async fn a_refusal_that_holds_live_is_a_refusal() {
    let api = Api::with(&json!({}));
    let response = mutate(&Arc::new(synced(&api, &[]))).await;
    assert_eq!(message(&response).0, 403);
    assert!(message(&response).1.contains(ROLE.0), "{response}");
}

#[tokio::test]
async fn a_refusal_that_only_the_pod_can_mend_asks_nobody() {
    let api = Api::default();
    let webhook = Arc::new(synced(&api, &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"]["rolebridge.io/inject"] = json!("yes");
    answer(&webhook, "/mutate", &review(&pod)).await;
    assert_eq!(api.asked(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn without_an_api_server_nothing_passes_silently() {
    for (mood, sentence) in [
        (Mood::Silent, "it gave no answer within 2s"),
        (Mood::Unavailable, "the server is currently unable"),
        (Mood::Forbids, "serviceaccounts is forbidden"),
    ] {
        let api = Api::with(&json!({ROLE.0: ROLE.1}));
        api.be(mood);
        let webhook = Arc::new(synced(&api, &[]));
        let begun = Instant::now();
        let response = mutate(&webhook).await;
        assert!(begun.elapsed() < Patience::USUAL / 2, "the body had the other half");
        let (code, message) = message(&response);
        assert_eq!(code, 503);
        assert!(
            message.starts_with("The service account shop/batch could not be read from the Kubernetes API"),
            "{message}"
        );
        assert!(message.contains(sentence) && message.ends_with(". Try again."), "{message}");
    }
}

#[tokio::test]
async fn without_an_api_server_what_is_cached_still_works() {
    let api = Api::default();
    api.be(Mood::Silent);
    patch(&mutate(&Arc::new(synced(&api, &[ROLE]))).await);
}

#[tokio::test(start_paused = true)]
async fn without_an_api_server_advice_is_what_the_caches_say() {
    let api = Api::default();
    api.be(Mood::Silent);
    let review = review(&json!({"kind": "Job", "spec": {"template": pod()}}));
    let warned = answer(&Arc::new(synced(&api, &[])), "/workloads", &review).await;
    assert!(warned["warnings"][0].as_str().unwrap().contains("will be refused"), "{warned}");
    let silent = answer(&Arc::new(webhook(&api)), "/workloads", &review).await;
    assert_eq!(silent, json!({"uid": silent["uid"], "allowed": true}));
}

#[tokio::test(start_paused = true)]
async fn reads_of_a_moment_are_one_read() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    api.be(Mood::Answers(Duration::from_millis(100)));
    let webhook = Arc::new(synced(&api, &[]));
    for response in futures::future::join_all((0..50).map(|_| mutate(&webhook))).await {
        patch(&response);
    }
    assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn a_read_outlives_the_client_that_began_it() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    api.be(Mood::Answers(Duration::from_millis(100)));
    let webhook = Arc::new(synced(&api, &[]));
    let first = tokio::time::timeout(Duration::from_millis(50), mutate(&webhook));
    let (first, second) = tokio::join!(first, mutate(&webhook));
    assert!(first.is_err());
    patch(&second);
    assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_everyone_left_is_not_taken_up_later() {
    let api = Api::with(&json!({}));
    api.be(Mood::Answers(Duration::from_millis(100)));
    let webhook = Arc::new(synced(&api, &[]));
    let left = tokio::time::timeout(Duration::from_millis(50), mutate(&webhook)).await;
    assert!(left.is_err());
    assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
    advance(Duration::from_mins(10)).await;
    api.put(ACCOUNT, &json!({ROLE.0: ROLE.1}));
    patch(&mutate(&webhook).await);
    assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_good_for_a_moment_whatever_it_is() {
    for mood in [Mood::Prompt, Mood::Unavailable] {
        let api = Api::with(&json!({}));
        api.be(mood);
        let webhook = Arc::new(synced(&api, &[]));
        let refused = mutate(&webhook).await;
        assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
        api.be(Mood::Prompt);
        api.put(ACCOUNT, &json!({ROLE.0: ROLE.1}));
        advance(FRESH.mul_f32(0.99)).await;
        assert_eq!(mutate(&webhook).await, refused);
        assert_eq!(api.asked(), Vec::<String>::new());
        advance(Duration::from_millis(20)).await;
        patch(&mutate(&webhook).await);
        assert_eq!(api.asked(), [NAMESPACE, ACCOUNT]);
    }
}

#[tokio::test(start_paused = true)]
async fn many_reads_are_spaced_out_and_then_refused() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    let webhook = Arc::new(synced(&api, &[]));
    let ask = |number: usize| {
        let mut pod = pod();
        pod["spec"]["serviceAccountName"] = json!(format!("absent-{number}"));
        let webhook = Arc::clone(&webhook);
        async move { answer(&webhook, "/mutate", &review(&pod)).await }
    };
    let begun = Instant::now();
    let responses = futures::future::join_all((0..400).map(ask)).await;
    let count = |code| responses.iter().filter(|response| message(response).0 == code).count();
    // 100 at once and 50 in the second that a read waits for its turn at most, of which the namespace takes one.
    assert_eq!((count(403), count(503)), (149, 251));
    assert_eq!(api.asked().len(), 150);
    assert!(begun.elapsed() <= Patience::default().live);
    let busy = responses.iter().find(|response| message(response).0 == 503).unwrap();
    assert!(message(busy).1.contains("it is being asked too much at the moment"), "{busy}");
}

#[tokio::test]
async fn a_name_that_cannot_exist_becomes_no_url() {
    let api = Api::with(&json!({ROLE.0: ROLE.1}));
    let webhook = Arc::new(synced(&api, &[]));
    for name in ["../../secrets/x", "a?b=c", "a#b", "a%2fb", "A", "a b", "..", &"a".repeat(254)] {
        let mut pod = pod();
        pod["spec"]["serviceAccountName"] = json!(name);
        let response = answer(&webhook, "/mutate", &review(&pod)).await;
        assert_eq!(message(&response).0, 403, "{response}");
        assert!(!api.asked().iter().any(|path| path != NAMESPACE));
    }
}
