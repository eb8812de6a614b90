//! Endpoints of the health port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use k8s_openapi::jiff::Timestamp;
use rolebridge_doc_sync::{metrics as doc_metrics, section};
use rolebridge_inject::Reason;
use rolebridge_webhook::cert_trust::CertTrust;
use rolebridge_webhook::health::{Health, router};
use rolebridge_webhook::heartbeat::Heartbeat;
use rolebridge_webhook::http::cert_resolver::CertResolver;
use rolebridge_webhook::http::drain::Drain;
use rolebridge_webhook::list_watch::progress::WatchedKind;
use rolebridge_webhook::managed_cert::metrics::{CertStep, ManagedCertMetrics, RenewedObject};
use rolebridge_webhook::metrics::{EventOutcome, LiveReadOutcome, ReloadedFile, ReviewOutcome};
use rolebridge_webhook::object_kind::ObjectKind;
use rstest::rstest;
use serde_json::json;
use tower::ServiceExt;

use crate::support::api::Api;
use crate::support::pki::Issued;
use crate::support::{ROLE, app_state, list, pod, post, review, send, send_review, synced_state};

async fn get(health: &Health, path: &str) -> (u16, String) {
    let response =
        router(health.clone()).oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Returns the heartbeat of a runtime that has been blocked for this time.
fn heartbeat(blocked: Duration) -> Arc<Heartbeat> {
    Arc::new(Heartbeat::new(Instant::now().checked_sub(blocked).unwrap()))
}

#[rstest]
#[case::running(0, 200, "ok\n", "ready\n")]
#[case::slow(6, 200, "ok\n", "not ready: reviews are blocked\n")]
#[case::blocked(31, 503, "reviews have been blocked for 31 s\n", "not ready: reviews are blocked\n")]
#[tokio::test]
async fn blocked_reviews_fail_readiness_then_liveness(
    #[case] seconds: u64,
    #[case] status: u16,
    #[case] healthz: &str,
    #[case] readyz: &str,
) {
    let resolver = Arc::new(CertResolver::default());
    resolver.replace(Issued::until(2077).serving_cert());
    let health = Health {
        state: Arc::new(synced_state(&Api::default(), &[])),
        resolver,
        trust: Arc::default(),
        managed_cert: None,
        drain: Arc::default(),
        heartbeat: heartbeat(Duration::from_secs(seconds)),
    };
    assert_eq!(get(&health, "/healthz").await, (status, healthz.to_owned()));
    assert_eq!(get(&health, "/readyz").await.1, readyz);
}

#[tokio::test(start_paused = true)]
async fn readyz_lists_unmet_conditions() {
    let health = Health {
        state: Arc::new(app_state(&Api::default())),
        resolver: Arc::new(CertResolver::default()),
        trust: Arc::default(),
        managed_cert: None,
        drain: Arc::new(Drain::default()),
        heartbeat: heartbeat(Duration::ZERO),
    };
    let not_ready = |problems: &[&str]| (503, format!("not ready: {}\n", problems.join(", ")));
    let (certificate, accounts, namespaces) =
        ("no serving certificate yet", "service accounts not listed yet", "namespaces not listed yet");
    assert_eq!(get(&health, "/readyz").await, not_ready(&[certificate, accounts, namespaces]));
    health.resolver.replace(Issued::until(2077).serving_cert());
    assert_eq!(get(&health, "/readyz").await, not_ready(&[accounts, namespaces]));
    list(&health.state, ObjectKind::ServiceAccount, []);
    assert_eq!(get(&health, "/readyz").await, not_ready(&[namespaces]));
    list(&health.state, ObjectKind::Namespace, []);
    assert_eq!(get(&health, "/readyz").await, (200, "ready\n".to_owned()));
    let drain = Arc::clone(&health.drain);
    let leaving = tokio::spawn(async move { drain.run(Duration::from_secs(5)).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(get(&health, "/readyz").await, not_ready(&["shutting down"]));
    assert_eq!(get(&health, "/healthz").await, (200, "ok\n".to_owned()));
    leaving.await.unwrap();
}

#[tokio::test]
async fn metrics_page_shows_every_counter() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let metrics = &state.metrics;
    for (outcome, micros) in [
        (ReviewOutcome::Injected, 50),
        (ReviewOutcome::Injected, 51),
        (ReviewOutcome::Skipped(Reason::ALL[0]), 1_250_000),
        (ReviewOutcome::Denied(Reason::BadValue), 99),
        (ReviewOutcome::Denied(*Reason::ALL.last().unwrap()), 7_000_000),
        (ReviewOutcome::NotCreation, 0),
        (ReviewOutcome::Failed, 2_000_001),
        (ReviewOutcome::Limited, 1_000_001),
    ] {
        metrics.record_pod_review(outcome, Duration::from_micros(micros));
    }
    metrics.record_workload_review(true);
    metrics.record_live_read(LiveReadOutcome::Shared);
    metrics.record_live_read(LiveReadOutcome::Limited);
    metrics.watches().register(WatchedKind::Namespace).record_error();
    metrics.watches().register(WatchedKind::ServiceAccount);
    metrics.watches().register(WatchedKind::WebhookConfiguration);
    metrics.record_reload(ReloadedFile::Defaults, false);
    metrics.record_reload(ReloadedFile::Certificate, false);
    metrics.record_reload(ReloadedFile::Certificate, true);
    metrics.record_handshake_error();
    metrics.record_event(EventOutcome::Limited);
    send(&state, post("/mutate", "?")).await;
    let (resolver, trust) = (Arc::new(CertResolver::default()), Arc::new(CertTrust::default()));
    let issued = Issued::until(2077);
    resolver.replace(issued.serving_cert());
    trust.observe(vec![issued.trusting_config()]);
    let managed_cert = Arc::new(ManagedCertMetrics::default());
    managed_cert.set_leader(true);
    managed_cert.set_ca_expiry(Some(Timestamp::from_second(3_400_000_000).unwrap()));
    managed_cert.record_renewal(RenewedObject::CaBundle);
    managed_cert.record_error(CertStep::Publish);
    let health = Health {
        state,
        resolver,
        trust,
        managed_cert: Some(managed_cert),
        drain: Arc::default(),
        heartbeat: heartbeat(Duration::ZERO),
    };
    let (_, text) = get(&health, "/metrics").await;
    section::check("docs/src/reference.md", "the webhook's metrics", &doc_metrics::table(&text));
    section::check("docs/src/public-names.md", "names of the webhook's metrics", &doc_metrics::names(&text));
    section::check_file("tests/chart/metrics/webhook.prom", &hide_times_of_watches(&text));
}

/// Replaces the times at which watches were last heard from.
fn hide_times_of_watches(text: &str) -> String {
    let hide = |line: &str| match line.split_once("} ") {
        Some((sample, _)) if sample.contains("watch_last_event") => format!("{sample}}} 0\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(hide).collect()
}

#[tokio::test]
async fn labels_contain_no_values_of_users() {
    let state = Arc::new(synced_state(&Api::with_annotations(&json!({})), &[ROLE]));
    let mut pod = pod();
    pod["metadata"]["annotations"]["rolebridge.io/port"] = json!("marker");
    pod["metadata"]["name"] = json!("marker");
    pod["spec"]["serviceAccountName"] = json!("marker");
    let mut review = review(&pod);
    review["request"]["namespace"] = json!("marker");
    send_review(&state, "/mutate", &review).await;
    review["request"]["kind"]["kind"] = json!("marker");
    send(&state, post("/mutate", review.to_string())).await;
    send(&state, post("/marker", "")).await;
    let health = Health {
        state,
        resolver: Arc::default(),
        trust: Arc::default(),
        managed_cert: None,
        drain: Arc::default(),
        heartbeat: heartbeat(Duration::ZERO),
    };
    let (_, text) = get(&health, "/metrics").await;
    assert!(
        text.contains("rejected_requests_total{status=\"400\"} 1\n") && !text.contains("marker"),
        "{text}"
    );
}
