//! Many pods at once: the limit on live reads denies none of cached objects, and serves all namespaces alike.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures::future::join_all;
use futures::{StreamExt, stream};
use kube::Client;
use rolebridge_inject::ObjectMetadata;
use rolebridge_telemetry::exposition::Exposition;
use rolebridge_webhook::deadlines::Deadlines;
use rolebridge_webhook::metadata::object_key::ObjectKey;
use rolebridge_webhook::metadata::reader::{MetadataReader, RESULT_TTL};
use rolebridge_webhook::metadata::turns::{MAX_IN_FLIGHT, Purpose, ReadLimits};
use rolebridge_webhook::metrics::METRICS_PREFIX;
use rolebridge_webhook::object_kind::ObjectKind;
use rolebridge_webhook::state::AppState;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{sleep, sleep_until};
use tower::service_fn;

use crate::support::api::{Api, Behavior};
use crate::support::{ROLE, app_state, limited_state, pod, review, send_review};

/// Adds a namespace that opts its pods in to the cache, as its watch does.
fn label(state: &AppState, namespace: &str) {
    let opted_in = ObjectMetadata::new([], [("rolebridge.io/inject", "enabled")]);
    state.lookup.cache(ObjectKind::Namespace).update(|store| store.put("", namespace, opted_in));
}

/// Adds a service account to the cache, as its watch does.
fn watch_account(state: &AppState, namespace: &str, name: &str, annotations: &[(&str, &str)]) {
    let metadata = ObjectMetadata::new(annotations.iter().copied(), []);
    state.lookup.cache(ObjectKind::ServiceAccount).update(|store| store.put(namespace, name, metadata));
}

/// Creates a service account with a role at the API server.
fn create_account(api: &Api, namespace: &str, name: &str) {
    api.put(&account_path(namespace, name), &json!({ROLE.0: ROLE.1}));
}

fn account_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
}

/// Creates a pod that only its namespace opts in.
async fn create_pod(state: &Arc<AppState>, namespace: &str, account: &str) -> Value {
    let mut pod = pod();
    pod["metadata"]["annotations"] = json!({});
    pod["spec"]["serviceAccountName"] = json!(account);
    let mut review = review(&pod);
    review["request"]["namespace"] = json!(namespace);
    send_review(state, "/mutate", &review).await
}

/// Returns a counter of the metrics page, such as `live_reads_total{outcome="limited"}`.
fn counter(state: &AppState, sample: &str) -> u64 {
    let mut exposition = Exposition::new(METRICS_PREFIX);
    state.metrics.write(&mut exposition);
    let text = exposition.into_text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{METRICS_PREFIX}{sample} ")));
    line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().unwrap()
}

fn count(responses: &[Value], is_counted: impl Fn(&Value) -> bool) -> usize {
    responses.iter().filter(|response| is_counted(response)).count()
}

fn is_injected(response: &Value) -> bool {
    response["allowed"] == true && response["patch"].is_string()
}

fn is_skipped(response: &Value) -> bool {
    response["allowed"] == true && response["patch"].is_null()
}

#[tokio::test(start_paused = true)]
async fn pods_of_accounts_without_a_role_are_skipped_at_any_rate() {
    let api = Api::default();
    api.put("/api/v1/namespaces/shop", &json!({}));
    let state = Arc::new(app_state(&api));
    label(&state, "shop");
    for n in 0..300 {
        watch_account(&state, "shop", &format!("plain-{n}"), &[]);
        api.put(&account_path("shop", &format!("plain-{n}")), &json!({}));
    }
    let create = async |n: u32| {
        sleep(Duration::from_secs(1) * n / 150).await;
        create_pod(&state, "shop", &format!("plain-{n}")).await
    };
    let responses = join_all((0..300).map(create)).await;
    assert_eq!(count(&responses, is_skipped), 300);
    let reads = api.requests().len();
    // The burst of 100, 50 in each of the two seconds, and those that wait at their end.
    assert!((150..=220).contains(&reads), "{reads}");
    assert_eq!(counter(&state, r#"live_reads_total{outcome="limited"}"#), 0);
    assert!(counter(&state, r#"live_reads_total{outcome="omitted"}"#) > 0);
}

#[tokio::test(start_paused = true)]
async fn pods_of_new_accounts_share_one_read_of_each() {
    let api = Api::default();
    api.set_behavior(Behavior::Delayed(Duration::from_millis(5)));
    let state = Arc::new(app_state(&api));
    for n in 0..50 {
        label(&state, &format!("team-{n}"));
    }
    let create = async |n: u32| {
        let (namespace, account) = (format!("team-{}", n % 50), format!("new-{}", n % 500));
        create_account(&api, &namespace, &account);
        sleep(Duration::from_secs(1) * n / 500).await;
        create_pod(&state, &namespace, &account).await
    };
    let responses = join_all((0..1000).map(create)).await;
    assert_eq!(count(&responses, is_injected), 1000);
    // The watch has delivered none of them, and two pods of an account share a read.
    assert_eq!(api.requests().len(), 500);
}

#[tokio::test(start_paused = true)]
async fn deployment_updates_take_no_turn_of_a_pod() {
    let api = Api::default();
    let limits = ReadLimits { rate: 20, burst: 20 };
    let state = Arc::new(limited_state(&api, Deadlines::default(), limits));
    label(&state, "shop");
    for n in 0..20 {
        create_account(&api, "shop", &format!("new-{n}"));
    }
    let update = async |n: usize| {
        let mut template = pod();
        template["spec"]["serviceAccountName"] = json!(format!("plain-{n}"));
        let deployment = json!({"kind": "Deployment", "spec": {"template": template}});
        send_review(&state, "/workloads", &review(&deployment)).await
    };
    let updates = join_all((0..200).map(update)).await;
    assert_eq!(count(&updates, |response| response["allowed"] == true), 200);
    assert_eq!(api.requests().len(), 2, "a tenth of the burst");
    let pods = join_all((0..20).map(async |n| create_pod(&state, "shop", &format!("new-{n}")).await)).await;
    assert_eq!(count(&pods, is_injected), 20);
}

#[tokio::test(start_paused = true)]
async fn flood_of_unknown_accounts_denies_no_pod_of_another_namespace() {
    let api = Api::default();
    let state = Arc::new(app_state(&api));
    for namespace in ["flood", "shop", "bank"] {
        label(&state, namespace);
        create_account(&api, namespace, "batch");
    }
    let flood = join_all((0..5000).map(async |n| create_pod(&state, "flood", &format!("unknown-{n}")).await));
    let others = async {
        // The burst is used up, and the flood waits.
        sleep(Duration::from_millis(100)).await;
        tokio::join!(create_pod(&state, "shop", "batch"), create_pod(&state, "bank", "batch"))
    };
    let (flood, (shop, bank)) = tokio::join!(flood, others);
    assert!(is_injected(&shop) && is_injected(&bank), "{shop} {bank}");
    let limited = count(&flood, |response| response["status"]["code"] == 503);
    assert!(limited > 3000, "{limited}");
    let message = flood.iter().find_map(|response| response["status"]["message"].as_str()).unwrap();
    assert!(message.contains("too many reads at the moment. Fix: try again."), "{message}");
    let limited = limited as u64;
    assert_eq!(counter(&state, r#"live_reads_total{outcome="limited"}"#), limited);
    assert_eq!(counter(&state, r#"reviews_total{outcome="limited",reason="read-limited"}"#), limited);
    assert_eq!(counter(&state, r#"reviews_total{outcome="failed",reason="api-unavailable"}"#), 0);
}

#[tokio::test(start_paused = true)]
async fn flood_of_invented_namespaces_denies_no_pod_of_a_namespace() {
    let api = Api::default();
    let state = Arc::new(app_state(&api));
    label(&state, "shop");
    create_account(&api, "shop", "batch");
    let flood =
        join_all((0..9000).map(async |n| create_pod(&state, &format!("invented-{n}"), "batch").await));
    let good = async {
        sleep(Duration::from_millis(100)).await;
        create_pod(&state, "shop", "batch").await
    };
    let (_, good) = tokio::join!(flood, good);
    assert!(is_injected(&good), "{good}");
}

#[tokio::test(start_paused = true)]
async fn refused_turn_is_not_remembered() {
    let api = Api::default();
    let state = Arc::new(limited_state(&api, Deadlines::default(), ReadLimits { rate: 10, burst: 1 }));
    label(&state, "shop");
    for n in 0..12 {
        create_account(&api, "shop", &format!("new-{n}"));
    }
    let start = tokio::time::Instant::now();
    let create = async |n: usize| create_pod(&state, "shop", &format!("new-{n}")).await;
    let retry = async {
        let refused = create(11).await;
        assert!(start.elapsed() < RESULT_TTL / 10, "one read starts, and ten have a turn within a second");
        sleep_until(start + RESULT_TTL / 2).await;
        (refused, create(11).await)
    };
    let (first, (refused, retried)) = tokio::join!(join_all((0..11).map(create)), retry);
    assert_eq!(refused["status"]["code"], 503, "{refused}");
    assert!(is_injected(&retried), "{retried}");
    // The turn of the last one that waited came at its deadline.
    assert!(count(&first, is_injected) >= 10);
}

#[tokio::test(start_paused = true)]
async fn slow_api_server_gets_a_limited_number_of_reads_at_once() {
    let api = Api::default();
    api.set_behavior(Behavior::Silent);
    let state = Arc::new(app_state(&api));
    label(&state, "shop");
    let responses =
        join_all((0..200).map(async |n| create_pod(&state, "shop", &format!("new-{n}")).await)).await;
    assert_eq!(count(&responses, |response| response["status"]["code"] == 503), 200);
    assert_eq!(api.requests().len(), MAX_IN_FLIGHT);
    api.set_behavior(Behavior::Prompt);
    create_account(&api, "shop", "later");
    assert!(is_injected(&create_pod(&state, "shop", "later").await), "the turns were given back");
}

#[tokio::test(start_paused = true)]
async fn large_pods_that_wait_for_reads_leave_memory_for_others() {
    let api = Api::default();
    api.set_behavior(Behavior::Silent);
    let state = Arc::new(app_state(&api));
    label(&state, "shop");
    watch_account(&state, "shop", "known", &[ROLE]);
    let total = state.body_reader.budget().available();
    let create_large = async |n: usize| {
        let mut pod = pod();
        pod["spec"]["serviceAccountName"] = json!(format!("new-{n}"));
        pod["metadata"]["annotations"]["example.com/ballast"] = json!("x".repeat(1 << 20));
        send_review(&state, "/mutate", &review(&pod)).await
    };
    let others = async {
        sleep(Duration::from_secs(1)).await;
        assert!(state.body_reader.budget().available() >= total / 2, "while large pods wait");
        assert!(is_injected(&create_pod(&state, "shop", "known").await));
    };
    let (responses, ()) = tokio::join!(join_all((0..30).map(create_large)), others);
    let with = |text: &str| {
        count(&responses, |response| response["status"]["message"].as_str().unwrap().contains(text))
    };
    // Each takes its body, and as much again for a view that may have copied it.
    assert_eq!((with("no answer within 2s"), with("too many reads at the moment")), (7, 23));
    assert_eq!(counter(&state, r#"live_reads_total{outcome="limited"}"#), 23);
    assert_eq!(state.body_reader.budget().available(), total);
}

#[rstest]
#[case::service_account("service account batch", "ballast", "shop")]
#[case::namespace("namespace shop", "batch", "ballast")]
#[tokio::test(start_paused = true)]
async fn pod_of_an_object_that_is_too_large_is_denied_without_a_read(
    #[case] object: &str,
    #[case] account: &str,
    #[case] namespace: &str,
) {
    let api = Api::default();
    let state = Arc::new(app_state(&api));
    let ballast = "x".repeat(256 << 10);
    let large = |is_large: bool| is_large.then_some(("rolebridge.io/outputs", &*ballast));
    let namespace_metadata =
        ObjectMetadata::new(large(namespace == "ballast"), [("rolebridge.io/inject", "enabled")]);
    state.lookup.cache(ObjectKind::Namespace).update(|store| store.put("", "shop", namespace_metadata));
    let annotations: Vec<_> = large(account == "ballast").into_iter().chain([ROLE]).collect();
    watch_account(&state, "shop", "batch", &annotations);
    let response = create_pod(&state, "shop", "batch").await;
    let role = if account == "ballast" { ROLE.0.len() + ROLE.1.len() } else { 0 };
    let size = "rolebridge.io/outputs".len() + ballast.len() + role;
    assert_eq!(
        response["status"]["message"],
        format!(
            "Rolebridge annotations on the {object}: expected at most 32768 bytes together, found {size}. Fix: shorten \
             or remove some of them."
        )
    );
    assert_eq!(api.requests(), Vec::<String>::new());
}

#[rstest]
#[case::many_annotations(json!((0..60_000).map(|n| (n.to_string(), "")).collect::<HashMap<_, _>>()), None)]
#[case::large_annotation(json!({ "note": "<".repeat(3 << 20) }), None)]
#[case::above_the_limit(json!({ "note": "<".repeat(4 << 20) }), Some(4 << 20))]
#[tokio::test(start_paused = true)]
async fn live_read_of_a_hostile_object_is_limited(#[case] ballast: Value, #[case] found: Option<usize>) {
    let api = Api::default();
    let mut annotations = ballast;
    annotations[ROLE.0] = json!(ROLE.1);
    api.put(&account_path("shop", "new"), &annotations);
    let state = Arc::new(app_state(&api));
    label(&state, "shop");
    let response = create_pod(&state, "shop", "new").await;
    let message = found.map(|bytes| {
        format!(
            "Rolebridge annotations on the service account new: expected at most 32768 bytes together, found {bytes}. \
             Fix: shorten or remove some of them."
        )
    });
    assert_eq!(response["status"]["message"].as_str(), message.as_deref());
    assert_eq!(is_injected(&response), found.is_none());
}

/// An API server sends 100 KiB of each object at once, and the remainder never.
#[tokio::test(start_paused = true)]
async fn only_a_few_large_objects_are_read_at_once() {
    let continued = Arc::new(AtomicUsize::default());
    let counter = Arc::clone(&continued);
    let respond = move |_: Request<kube::client::Body>| {
        let counter = Arc::clone(&counter);
        let beginning = stream::once(async { Ok::<_, Infallible>(Bytes::from(vec![b' '; 100 << 10])) });
        let remainder = stream::once(async move {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::pending().await
        });
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::from_stream(beginning.chain(remainder)))))
    };
    let client = Client::new(service_fn(respond), "default");
    let timeout = Duration::from_secs(1);
    let reader = MetadataReader::new(client, Arc::default(), timeout, ReadLimits::DEFAULT);
    let reads = (0..MAX_IN_FLIGHT).map(|n| {
        let key = ObjectKey::service_account("shop", &n.to_string());
        reader.read(key, "shop", Purpose::Unseen, reader.deadline())
    });
    let results = join_all(reads).await;
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), MAX_IN_FLIGHT);
    assert_eq!(continued.load(Ordering::Relaxed), 2);
}
