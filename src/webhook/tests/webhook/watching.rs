//! A cache follows a paged list and a watch, and begins again when its place in the watch is gone.

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
use rolebridge_webhook::cache::{Cache, Sight};
use rolebridge_webhook::lookup::Kind;
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::watch;
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

/// Answers in this order, whatever is asked, and never again after them; a watch's answer does not end.
fn client(answers: Vec<(&'static str, String)>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let service = service_fn(move |request: Request<kube::client::Body>| {
        let next = answers.lock().unwrap().pop_front();
        assert!(request.headers()["accept"].to_str().unwrap().contains("as=PartialObjectMetadata"));
        log.lock().unwrap().push(request.uri().to_string());
        async move {
            let Some((expected, text)) = next else { return std::future::pending().await };
            let query = request.uri().query().unwrap_or_default();
            assert!(query.contains(expected), "{query} should have {expected}");
            if query.contains("watch=") {
                let begun = futures::stream::iter([Ok::<_, Infallible>(Bytes::from(text))]);
                return Ok(Response::new(Body::from_stream(begun.chain(futures::stream::pending()))));
            }
            Ok::<_, Infallible>(Response::new(Body::from(text)))
        }
    });
    (Client::new(service, "default"), asked)
}

fn seen(cache: &Cache, name: &str) -> Option<ObjectMetadata> {
    match cache.find("shop", name) {
        Sight::Seen(metadata) => Some(ObjectMetadata::clone(&metadata)),
        Sight::Unseen => None,
    }
}

#[tokio::test(start_paused = true)]
async fn pages_then_events_then_a_new_list_when_the_old_one_is_gone() {
    let gone = json!({"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "message": "too old",
        "status": "Failure"});
    let events = [
        event("ADDED", &account("new", Some("arn:new"), 11)),
        event("MODIFIED", &account("told", Some("arn:changed"), 12)),
        event("DELETED", &account("deleted", Some("arn:x"), 13)),
        event(
            "BOOKMARK",
            &json!({"kind": "ServiceAccount", "apiVersion": "v1",
            "metadata": {"resourceVersion": "14", "annotations": {}}}),
        ),
    ];
    let (client, asked) = client(vec![
        (
            "limit=250",
            page(&[account("told", Some("arn:told"), 1), account("silent", None, 2)], 10, Some("second")),
        ),
        ("continue=second", page(&[account("deleted", Some("arn:x"), 3)], 10, None)),
        ("resourceVersion=10", events.concat() + &event("ERROR", &gone)),
        ("limit=250", page(&[account("after", Some("arn:after"), 20)], 20, None)),
        ("resourceVersion=20", String::new()),
    ]);
    let (cache, metrics) = (Arc::new(Cache::default()), Arc::new(Metrics::default()));
    assert!(!cache.is_synced());
    let states = Arc::new(Mutex::new(Vec::new()));
    let follow = watch::follow::<ServiceAccount>(client, Kind::ServiceAccount, &cache, &metrics);
    let looks = async {
        for asked_before in [3, 5] {
            while asked.lock().unwrap().len() < asked_before {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(Duration::from_millis(100)).await;
            let names = ["told", "silent", "deleted", "new", "after"];
            states.lock().unwrap().push(names.map(|name| seen(&cache, name)));
        }
    };
    tokio::select! {
        () = follow => unreachable!("it follows for ever"),
        () = looks => {}
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
