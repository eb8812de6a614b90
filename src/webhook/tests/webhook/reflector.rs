//! Reflector: paged list, watch, and a new list when the watch expires.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use futures::StreamExt;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use rolebridge_inject::ObjectMetadata;
use rolebridge_webhook::metadata::cache::{Cache, CacheLookup};
use rolebridge_webhook::metadata::reflector::run_reflector;
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::object_kind::ObjectKind;
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::service_fn;

use crate::support::ROLE;

fn account(name: &str, role: Option<&str>, version: u32) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {
        "namespace": "shop", "name": name, "uid": name, "resourceVersion": version.to_string(),
        "annotations": role.map(|role| json!({ROLE.0: role})), "labels": {"team": "shop"},
        "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}],
    }})
}

fn page(items: &[Value], version: u32, next: Option<&str>) -> String {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "items": items,
        "metadata": {"resourceVersion": version.to_string(), "continue": next}})
    .to_string()
}

fn event(kind: &str, object: &Value) -> String {
    format!("{}\n", json!({"type": kind, "object": object}))
}

/// Returns a client with these responses, in this order. Later requests get no response, and the response to a watch does
/// not end.
fn client(responses: Vec<(&'static str, String)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let responses = Arc::new(Mutex::new(VecDeque::from(responses)));
    let requests = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&requests);
    let service = service_fn(move |request: Request<kube::client::Body>| {
        let next = responses.lock().unwrap().pop_front();
        assert!(request.headers()["accept"].to_str().unwrap().contains("as=PartialObjectMetadata"));
        log.lock().unwrap().push(request.uri().to_string());
        async move {
            let Some((expected, text)) = next else { return std::future::pending().await };
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains(expected), "{query} should have {expected}");
            if query.contains("watch=") {
                let first = futures::stream::iter([Ok::<_, Infallible>(Bytes::from(text))]);
                return Ok(Response::new(Body::from_stream(first.chain(futures::stream::pending()))));
            }
            Ok::<_, Infallible>(Response::new(Body::from(text)))
        }
    });
    (Client::new(service, "default"), requests)
}

fn cached(cache: &Cache, name: &str) -> Option<ObjectMetadata> {
    match cache.find("shop", name) {
        CacheLookup::Hit(metadata) => Some(ObjectMetadata::clone(&metadata)),
        CacheLookup::Miss => None,
    }
}

#[tokio::test(start_paused = true)]
async fn reflector_relists_when_the_watch_expires() {
    let gone = json!({"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old",
        "status": "Failure"});
    let events = [
        event("ADDED", &account("new", Some("arn:new"), 11)),
        event("MODIFIED", &account("annotated", Some("arn:changed"), 12)),
        event("DELETED", &account("deleted", Some("arn:x"), 13)),
        event(
            "BOOKMARK",
            &json!({"kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {"resourceVersion": "14", "annotations": {}}}),
        ),
    ];
    let (client, requests) = client(vec![
        (
            "limit=250",
            page(
                &[account("annotated", Some("arn:first"), 1), account("plain", None, 2)],
                10,
                Some("second"),
            ),
        ),
        ("continue=second", page(&[account("deleted", Some("arn:x"), 3)], 10, None)),
        ("resourceVersion=10", events.concat() + &event("ERROR", &gone)),
        ("limit=250", page(&[account("after", Some("arn:after"), 20)], 20, None)),
        ("resourceVersion=20", String::new()),
    ]);
    let (cache, metrics) = (Arc::new(Cache::default()), Arc::new(Metrics::default()));
    assert!(!cache.is_synced());
    let states = Arc::new(Mutex::new(Vec::new()));
    let reflector = run_reflector::<ServiceAccount>(client, ObjectKind::ServiceAccount, &cache, &metrics);
    let observe = async {
        for expected_requests in [3, 5] {
            while requests.lock().unwrap().len() < expected_requests {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(Duration::from_millis(100)).await;
            let names = ["annotated", "plain", "deleted", "new", "after"];
            states.lock().unwrap().push(names.map(|name| cached(&cache, name)));
        }
    };
    tokio::select! {
        () = reflector => unreachable!("the reflector runs forever"),
        () = observe => {}
    }
    let role = |role| Some(ObjectMetadata::new([(ROLE.0, role)], []));
    let states = states.lock().unwrap().clone();
    assert_eq!(
        states[0],
        [role("arn:changed"), Some(ObjectMetadata::default()), None, role("arn:new"), None]
    );
    assert_eq!(states[1], [None, None, None, None, role("arn:after")]);
    assert!(cache.is_synced());
    assert_eq!(cache.sizes(), (1, 0));
}
