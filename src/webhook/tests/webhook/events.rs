//! Who looks at the events of a pod's controller reads what the controller was told.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use kube::Client;
use rolebridge_inject::ObjectMetadata;
use rolebridge_webhook::cache::Objects;
use rolebridge_webhook::events::{Events, Occasion};
use rolebridge_webhook::lookup::Kind;
use rolebridge_webhook::router::Webhook;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tower::service_fn;

use crate::section;
use crate::support::api::Api;
use crate::support::{ROLE, answer, pod, review, synced};

/// A webhook that says events, and what it says: path and event.
fn speaking() -> (Arc<Webhook>, UnboundedReceiver<(String, Value)>) {
    let (sender, receiver) = unbounded_channel();
    let take = move |request: Request<kube::client::Body>| {
        let sender = sender.clone();
        async move {
            let path = request.uri().path().to_owned();
            let event = request.into_body().collect().await.unwrap().to_bytes();
            sender.send((path, serde_json::from_slice(&event).unwrap())).unwrap();
            Ok::<_, Infallible>(Response::builder().status(201).body(Body::from(event)).unwrap())
        }
    };
    let mut webhook = synced(&Api::with(&json!({ROLE.0: ROLE.1})), &[ROLE]);
    let client = Client::new(service_fn(take), "default");
    webhook.events = Some(Events::start(client, Arc::clone(&webhook.metrics)));
    (Arc::new(webhook), receiver)
}

fn of_a_replica_set() -> Value {
    let mut pod = pod();
    pod["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "name": "nightly-7d", "uid": "u1", "controller": true}]);
    pod
}

async fn next(receiver: &mut UnboundedReceiver<(String, Value)>) -> Option<(String, Value)> {
    timeout(Duration::from_secs(10), receiver.recv()).await.ok().flatten()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_said_once_on_the_controller_and_never_of_a_dry_run() {
    let (webhook, mut events) = speaking();
    answer(&webhook, "/mutate", &review(&of_a_replica_set())).await;
    let mut bad = of_a_replica_set();
    bad["metadata"]["annotations"]["rolebridge.io/port"] = json!("99999");
    let mut rehearsed = review(&bad);
    rehearsed["request"]["dryRun"] = json!(true);
    answer(&webhook, "/mutate", &rehearsed).await;
    assert_eq!(next(&mut events).await, None);
    for _ in 0..3 {
        answer(&webhook, "/mutate", &review(&bad)).await;
    }
    let (path, event) = next(&mut events).await.unwrap();
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/shop/events");
    assert_eq!(event["type"], "Warning");
    assert_eq!(event["reason"], "RolebridgeRefused");
    assert!(event["note"].as_str().unwrap().starts_with("rolebridge.io/port: \"99999\""), "{event}");
    assert_eq!(
        event["regarding"],
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "nightly-7d", "namespace": "shop", "uid": "u1"})
    );
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_its_namespace_opted_in_and_that_passes_unchanged_is_spoken_of() {
    let (webhook, mut events) = speaking();
    let mut namespaces = Objects::default();
    namespaces.put("", "shop", ObjectMetadata::new([], [("rolebridge.io/inject", "enabled")]));
    webhook.lookup.cache(Kind::Namespace).replace(namespaces);
    let mut windows = of_a_replica_set();
    windows["metadata"]["annotations"] = json!({});
    windows["spec"]["os"] = json!({"name": "windows"});
    answer(&webhook, "/mutate", &review(&windows)).await;
    let (_, event) = next(&mut events).await.unwrap();
    assert_eq!(event["reason"], "RolebridgeNotInjected");
}

#[test]
fn the_reference_lists_every_event() {
    let row = |occasion: &Occasion| format!("| `{}` | {} |\n", occasion.reason(), occasion.sentence());
    let rows: String = Occasion::ALL.iter().map(row).collect();
    let table = format!("| reason | when |\n| --- | --- |\n{rows}");
    section::hold("docs/src/reference.md", "events", &table);
}
