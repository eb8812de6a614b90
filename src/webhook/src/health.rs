//! What the kubelet and Prometheus ask, on a port of its own, over plain HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::jiff::Timestamp;

use crate::certificates::Certificates;
use crate::drain::{Drain, Phase};
use crate::lookup::Kind;
use crate::managed::counts::Counts;
use crate::page::{Page, Type};
use crate::router::Webhook;
use crate::trust::Trust;

/// What health is judged by.
#[derive(Debug, Clone)]
pub struct Health {
    /// Caches and counts.
    pub webhook: Arc<Webhook>,
    /// What is served.
    pub certificates: Arc<Certificates>,
    /// Whether API servers take it.
    pub trust: Arc<Trust>,
    /// Counts of the certificates, if they are managed here.
    pub managed: Option<Arc<Counts>>,
    /// How far the end has come.
    pub drain: Arc<Drain>,
}

/// The paths of the health port.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(health))
}

impl Health {
    /// What an API server's call would need and is not there.
    fn missing(&self) -> Vec<String> {
        let cache = |kind| self.webhook.lookup.cache(kind).is_synced();
        let certificate = match self.certificates.served() {
            Some(served) => self.trust.missing(&served, Timestamp::now()),
            None => Some("there is no certificate yet".to_owned()),
        };
        let others = [
            (self.drain.phase() == Phase::Serving, "it is shutting down"),
            (cache(Kind::ServiceAccount), "the service accounts have not all been listed yet"),
            (cache(Kind::Namespace), "the namespaces have not all been listed yet"),
        ];
        let missing = others.into_iter().filter(|(there, _)| !there).map(|(_, missing)| missing.to_owned());
        certificate.into_iter().chain(missing).collect()
    }
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let missing = health.missing();
    if missing.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", "))).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], page(&health)).into_response()
}

/// Everything that is counted, and what can be told by a look.
fn page(health: &Health) -> String {
    let mut page = Page::default();
    health.webhook.metrics.write(&mut page);
    let mut family =
        page.family("cached_objects", Type::Gauge, "Objects known, with something to say or without.");
    for kind in Kind::ALL {
        let (telling, silent) = health.webhook.lookup.cache(kind).sizes();
        family.sample(&[("kind", kind.name()), ("telling", "true")], telling);
        family.sample(&[("kind", kind.name()), ("telling", "false")], silent);
    }
    page.family("ready", Type::Gauge, "1 if an API server's call would be answered now, from synced caches.")
        .sample(&[], u8::from(health.missing().is_empty()));
    if let Some(served) = health.certificates.served() {
        page.family(
            "certificate_start_timestamp_seconds",
            Type::Gauge,
            "When the served certificate begins, Unix time.",
        )
        .sample(&[], served.not_before().as_second());
        page.family(
            "certificate_expiry_timestamp_seconds",
            Type::Gauge,
            "When the served certificate ends, Unix time.",
        )
        .sample(&[], served.not_after().as_second());
    }
    if let Some(managed) = &health.managed {
        managed.write(&mut page);
    }
    page.into_text()
}
