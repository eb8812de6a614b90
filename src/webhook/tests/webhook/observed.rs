//! What the health port shows.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use k8s_openapi::jiff::Timestamp;
use rolebridge_inject::Reason;
use rolebridge_webhook::cache::Objects;
use rolebridge_webhook::certificates::Certificates;
use rolebridge_webhook::drain::Drain;
use rolebridge_webhook::health::{Health, router};
use rolebridge_webhook::lookup::Kind;
use rolebridge_webhook::managed::counts::{Counts, Renewed, Step};
use rolebridge_webhook::metrics::{EventOutcome, LiveOutcome, Outcome, Reloaded};
use serde_json::json;
use tower::ServiceExt;

use crate::support::api::Api;
use crate::support::pki::Issued;
use crate::support::{ROLE, answer, ask as review_path, pod, post, review, synced, webhook};
use crate::{listed, section};

async fn page(health: &Health, path: &str) -> (u16, String) {
    let response =
        router(health.clone()).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_a_review_would_be_answered_and_until_it_leaves() {
    let health = Health {
        webhook: Arc::new(webhook(&Api::default())),
        certificates: Arc::new(Certificates::default()),
        trust: Arc::default(),
        managed: None,
        drain: Arc::new(Drain::default()),
    };
    let not = |missing: &[&str]| (503, format!("not ready: {}\n", missing.join(", ")));
    let (certificate, accounts, namespaces) = (
        "there is no certificate yet",
        "the service accounts have not all been listed yet",
        "the namespaces have not all been listed yet",
    );
    assert_eq!(page(&health, "/readyz").await, not(&[certificate, accounts, namespaces]));
    health.certificates.serve(Issued::until(2077).pair());
    assert_eq!(page(&health, "/readyz").await, not(&[accounts, namespaces]));
    health.webhook.lookup.cache(Kind::ServiceAccount).replace(Objects::default());
    assert_eq!(page(&health, "/readyz").await, not(&[namespaces]));
    health.webhook.lookup.cache(Kind::Namespace).replace(Objects::default());
    assert_eq!(page(&health, "/readyz").await, (200, "ready\n".to_owned()));
    let drain = Arc::clone(&health.drain);
    let leaving = tokio::spawn(async move { drain.run(Duration::from_secs(5)).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(page(&health, "/readyz").await, not(&["it is shutting down"]));
    assert_eq!(page(&health, "/healthz").await, (200, "ok\n".to_owned()));
    leaving.await.unwrap();
}

#[tokio::test]
async fn the_metrics_page_shows_every_count() {
    let webhook = Arc::new(synced(&Api::default(), &[ROLE]));
    let metrics = &webhook.metrics;
    for (outcome, micros) in [
        (Outcome::Injected, 50),
        (Outcome::Injected, 51),
        (Outcome::Unchanged(Reason::ALL[0]), 1_250_000),
        (Outcome::Refused(Reason::BadValue), 99),
        (Outcome::Refused(*Reason::ALL.last().unwrap()), 7_000_000),
        (Outcome::NotCreation, 0),
        (Outcome::Failed, 2_000_001),
    ] {
        metrics.pod(outcome, Duration::from_micros(micros));
    }
    metrics.workload(true);
    metrics.live_read(LiveOutcome::Shared);
    metrics.watch_fault(Kind::Namespace);
    metrics.reload(Reloaded::Defaults, false);
    metrics.reload(Reloaded::Certificate, false);
    metrics.reload(Reloaded::Certificate, true);
    metrics.handshake_fault();
    metrics.event(EventOutcome::Limited);
    review_path(&webhook, post("/mutate", "?")).await;
    let certificates = Arc::new(Certificates::default());
    certificates.serve(Issued::until(2077).pair());
    let managed = Arc::new(Counts::default());
    managed.leads(true);
    managed.authority_ends(Some(Timestamp::from_second(3_400_000_000).unwrap()));
    managed.renewal(Renewed::Bundle);
    managed.failure(Step::Publish);
    let health = Health {
        webhook,
        certificates,
        trust: Arc::default(),
        managed: Some(managed),
        drain: Arc::default(),
    };
    let (_, text) = page(&health, "/metrics").await;
    section::hold("docs/src/reference.md", "the webhook's metrics", &listed::table(&text));
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn no_label_carries_a_value_of_the_user() {
    let webhook = Arc::new(synced(&Api::with(&json!({})), &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"]["rolebridge.io/port"] = json!("marker");
    pod["metadata"]["name"] = json!("marker");
    pod["spec"]["serviceAccountName"] = json!("marker");
    let mut review = review(&pod);
    review["request"]["namespace"] = json!("marker");
    answer(&webhook, "/mutate", &review).await;
    review["request"]["kind"]["kind"] = json!("marker");
    review_path(&webhook, post("/mutate", review.to_string())).await;
    review_path(&webhook, post("/marker", "")).await;
    let health = Health {
        webhook,
        certificates: Arc::default(),
        trust: Arc::default(),
        managed: None,
        drain: Arc::default(),
    };
    let (_, text) = page(&health, "/metrics").await;
    assert!(
        text.contains("rejected_requests_total{status=\"400\"} 1\n") && !text.contains("marker"),
        "{text}"
    );
}
