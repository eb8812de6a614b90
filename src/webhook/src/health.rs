//! Health endpoints and metrics for the kubelet and Prometheus, on a separate port over plain HTTP.
//!
//! They are served by a thread of their own. Liveness fails if the runtime that answers reviews is blocked. It takes no
//! lock that a blocked review may hold.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use k8s_openapi::jiff::Timestamp;
use rolebridge_telemetry::exposition::{Exposition, MetricType};

use crate::cert_trust::CertTrust;
use crate::heartbeat::{Heartbeat, Pulse};
use crate::http::cert_resolver::CertResolver;
use crate::http::drain::{Drain, Phase};
use crate::managed_cert::metrics::ManagedCertMetrics;
use crate::metrics::METRICS_PREFIX;
use crate::object_kind::ObjectKind;
use crate::state::AppState;

/// Inputs of the health checks and the metrics.
#[derive(Debug, Clone)]
pub struct Health {
    /// Caches and counters.
    pub state: Arc<AppState>,
    /// Serving certificate.
    pub resolver: Arc<CertResolver>,
    /// Trust of API servers in the serving certificate.
    pub trust: Arc<CertTrust>,
    /// Metrics of the managed certificate, if it is managed by the webhook.
    pub managed_cert: Option<Arc<ManagedCertMetrics>>,
    /// Phase of the shutdown.
    pub drain: Arc<Drain>,
    /// Heartbeat of the runtime that answers reviews.
    pub heartbeat: Arc<Heartbeat>,
}

/// Builds the router of the health port.
pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::new(health))
}

impl Health {
    /// Returns the unmet conditions for answering the API server.
    fn problems(&self) -> Vec<String> {
        let synced = |kind| self.state.lookup.cache(kind).is_synced();
        let certificate = match self.resolver.current() {
            Some(serving) => self.trust.problem(&serving, Timestamp::now()),
            None => Some("no serving certificate yet".to_owned()),
        };
        let conditions = [
            (self.heartbeat.pulse(Instant::now()) == Pulse::Alive, "reviews are blocked"),
            (self.drain.phase() == Phase::Serving, "shutting down"),
            (synced(ObjectKind::ServiceAccount), "service accounts not listed yet"),
            (synced(ObjectKind::Namespace), "namespaces not listed yet"),
        ];
        let unmet = conditions.into_iter().filter(|(met, _)| !met).map(|(_, problem)| problem.to_owned());
        certificate.into_iter().chain(unmet).collect()
    }
}

async fn healthz(State(health): State<Arc<Health>>) -> Response {
    let now = Instant::now();
    if health.heartbeat.pulse(now) == Pulse::Dead {
        let seconds = health.heartbeat.age(now).as_secs();
        return (StatusCode::SERVICE_UNAVAILABLE, format!("reviews have been blocked for {seconds} s\n"))
            .into_response();
    }
    "ok\n".into_response()
}

async fn readyz(State(health): State<Arc<Health>>) -> Response {
    let problems = health.problems();
    if problems.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", problems.join(", "))).into_response()
}

async fn metrics(State(health): State<Arc<Health>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], exposition(&health)).into_response()
}

/// Returns all metrics: the counters, and gauges that are computed now.
fn exposition(health: &Health) -> String {
    let mut exposition = Exposition::new(METRICS_PREFIX);
    health.state.metrics.write(&mut exposition);
    write_cache_sizes(health, &mut exposition);
    exposition
        .family(
            "ready",
            MetricType::Gauge,
            "1 if the webhook can answer API servers now, from synced caches.",
        )
        .sample(&[], u8::from(health.problems().is_empty()));
    if let Some(serving) = health.resolver.current() {
        exposition
            .family(
                "certificate_not_before_timestamp_seconds",
                MetricType::Gauge,
                "Start of the serving certificate's validity, Unix time.",
            )
            .sample(&[], serving.not_before().as_second());
        exposition
            .family(
                "certificate_expiry_timestamp_seconds",
                MetricType::Gauge,
                "Expiry of the serving certificate, Unix time.",
            )
            .sample(&[], serving.not_after().as_second());
    }
    write_ca_bundle_validity(health, &mut exposition);
    if let Some(managed_cert) = &health.managed_cert {
        managed_cert.write(&mut exposition);
    }
    exposition.into_text()
}

/// Writes the sizes of the metadata caches.
fn write_cache_sizes(health: &Health, exposition: &mut Exposition) {
    let mut family = exposition.family(
        "cached_objects",
        MetricType::Gauge,
        "Objects in the metadata cache, by whether they carry Rolebridge settings.",
    );
    for kind in ObjectKind::ALL {
        let (relevant, irrelevant) = health.state.lookup.cache(kind).sizes();
        family.sample(&[("kind", kind.name()), ("relevant", "true")], relevant);
        family.sample(&[("kind", kind.name()), ("relevant", "false")], irrelevant);
    }
    let mut family = exposition.family(
        "cache_bytes",
        MetricType::Gauge,
        "Approximate size of the settings in the metadata cache, at most 40 MiB of service accounts and 8 MiB of namespaces; objects above the limit are read live.",
    );
    for kind in ObjectKind::ALL {
        family.sample(&[("kind", kind.name())], health.state.lookup.cache(kind).bytes());
    }
}

/// Writes the validity of the CA by which API servers trust the serving certificate, in every mode of certificates. An
/// expired CA is included, because an alert must not resolve then.
fn write_ca_bundle_validity(health: &Health, exposition: &mut Exposition) {
    let serving = health.resolver.current();
    let validity = serving.and_then(|serving| health.trust.ca_bundle_validity(&serving));
    let Some(validity) = validity else { return };
    exposition
        .family(
            "ca_bundle_not_before_timestamp_seconds",
            MetricType::Gauge,
            "Start of the validity of the CA in caBundle that trusts the serving certificate, Unix time.",
        )
        .sample(&[], validity.not_before.as_second());
    exposition
        .family(
            "ca_bundle_expiry_timestamp_seconds",
            MetricType::Gauge,
            "Expiry of the CA in caBundle that trusts the serving certificate, Unix time; the earliest of all entries.",
        )
        .sample(&[], validity.not_after.as_second());
}
