//! Events on a pod's controller contain what the controller received in the response.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use kube::Client;
use rolebridge_doc_sync::section;
use rolebridge_inject::ObjectMetadata;
use rolebridge_webhook::events::{EventReason, Events};
use rolebridge_webhook::object_kind::ObjectKind;
use rolebridge_webhook::state::AppState;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, timeout};
use tower::service_fn;

use crate::support::api::Api;
use crate::support::{ROLE, list, pod, review, send_review, synced_state};

/// Returns a webhook that emits events, and a receiver of their paths and contents.
fn state_with_events() -> (Arc<AppState>, UnboundedReceiver<(String, Value)>) {
    state_with_failing_events(0)
}

/// Returns the same with an API server that fails for the first events.
fn state_with_failing_events(failures: usize) -> (Arc<AppState>, UnboundedReceiver<(String, Value)>) {
    let remaining = Arc::new(AtomicUsize::new(failures));
    let (sender, receiver) = unbounded_channel();
    let receive = move |request: Request<kube::client::Body>| {
        let sender = sender.clone();
        let fails = remaining.fetch_update(SeqCst, SeqCst, |remaining| remaining.checked_sub(1)).is_ok();
        async move {
            if fails {
                return Ok(Response::builder().status(500).body(Body::empty()).unwrap());
            }
            let path = request.uri().path().to_owned();
            let event = request.into_body().collect().await.unwrap().to_bytes();
            sender.send((path, serde_json::from_slice(&event).unwrap())).unwrap();
            Ok::<_, Infallible>(Response::builder().status(201).body(Body::from(event)).unwrap())
        }
    };
    let mut state = synced_state(&Api::with_annotations(&json!({ROLE.0: ROLE.1})), &[ROLE]);
    let client = Client::new(service_fn(receive), "default");
    state.events = Some(Events::start(client, Arc::clone(&state.metrics)));
    (Arc::new(state), receiver)
}

fn replica_set_pod() -> Value {
    let mut pod = pod();
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": "nightly-7d", "uid": "u1", "controller": true}]);
    pod
}

async fn next(receiver: &mut UnboundedReceiver<(String, Value)>) -> Option<(String, Value)> {
    timeout(Duration::from_secs(10), receiver.recv()).await.ok().flatten()
}

#[tokio::test(start_paused = true)]
async fn denial_creates_one_event_on_the_controller_and_none_for_a_dry_run() {
    let (state, mut events) = state_with_events();
    send_review(&state, "/mutate", &review(&replica_set_pod())).await;
    let mut invalid = replica_set_pod();
    invalid["metadata"]["annotations"]["rolebridge.io/port"] = json!("99999");
    let mut dry_run = review(&invalid);
    dry_run["request"]["dryRun"] = json!(true);
    send_review(&state, "/mutate", &dry_run).await;
    assert_eq!(next(&mut events).await, None);
    for _ in 0..3 {
        send_review(&state, "/mutate", &review(&invalid)).await;
    }
    let (path, event) = next(&mut events).await.unwrap();
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/shop/events");
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reason"], "InjectionDenied");
    let note = event["note"].as_str().unwrap();
    assert!(note.starts_with("rolebridge.io/port on the pod: expected "), "{event}");
    assert!(note.contains("found \"99999\""), "{event}");
    assert_eq!(
        event["regarding"],
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "nightly-7d", "namespace": "shop", "uid": "u1"})
    );
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test(start_paused = true)]
async fn skipped_pod_of_an_opted_in_namespace_creates_an_event() {
    let (state, mut events) = state_with_events();
    let opted_in = ObjectMetadata::new([], [("rolebridge.io/inject", "enabled")]);
    list(&state, ObjectKind::Namespace, [("", "shop", opted_in)]);
    let mut windows = replica_set_pod();
    windows["metadata"]["annotations"] = json!({});
    windows["spec"]["os"] = json!({"name": "windows"});
    send_review(&state, "/mutate", &review(&windows)).await;
    let (_, event) = next(&mut events).await.unwrap();
    assert_eq!(event["reason"], "InjectionSkipped");
}

#[tokio::test(start_paused = true)]
async fn failed_event_is_repeated_after_a_pause() {
    let (state, mut events) = state_with_failing_events(1);
    let mut invalid = replica_set_pod();
    invalid["metadata"]["annotations"]["rolebridge.io/port"] = json!("99999");
    let mut reviews = 0;
    let deny = async || send_review(&state, "/mutate", &review(&invalid)).await;
    let started = Instant::now();
    while events.try_recv().is_err() {
        assert_eq!(deny().await["allowed"], false);
        reviews += 1;
        sleep(Duration::from_secs(1)).await;
    }
    assert!((30..=32).contains(&started.elapsed().as_secs()), "{:?}, {reviews} reviews", started.elapsed());
    deny().await;
    assert_eq!(next(&mut events).await, None);
}

#[test]
fn reference_lists_every_event_reason() {
    let row = |reason: &EventReason| format!("| `{}` | {} |\n", reason.as_str(), reason.description());
    let rows: String = EventReason::ALL.iter().map(row).collect();
    let table = format!("| reason | when |\n| --- | --- |\n{rows}");
    section::check("docs/src/reference.md", "events", &table);
}
