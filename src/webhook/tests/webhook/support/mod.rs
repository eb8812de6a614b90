//! Helpers shared by the tests.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod pki;

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use rolebridge_inject::{Defaults, ObjectMetadata};
use rolebridge_telemetry::exposition::Exposition;
use rolebridge_webhook::admission::body::BodyReader;
use rolebridge_webhook::answers::Answers;
use rolebridge_webhook::deadlines::Deadlines;
use rolebridge_webhook::http::connection::Connections;
use rolebridge_webhook::http::drain::Drain;
use rolebridge_webhook::http::router::router;
use rolebridge_webhook::http::server;
use rolebridge_webhook::http::slot_pool::SlotPool;
use rolebridge_webhook::live_defaults::LiveDefaults;
use rolebridge_webhook::metadata::lookup::MetadataLookup;
use rolebridge_webhook::metadata::reader::MetadataReader;
use rolebridge_webhook::metadata::turns::ReadLimits;
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::object_kind::ObjectKind;
use rolebridge_webhook::state::AppState;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::api::Api;

pub(crate) const DEFAULTS: &str =
    "settings:\n  provider: projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod\n";
pub(crate) const ROLE: (&str, &str) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/batch");

/// Returns a state with empty caches that are not synced.
pub(crate) fn app_state(api: &Api) -> AppState {
    app_state_with(api, Deadlines::default())
}

/// Returns the same with other deadlines.
pub(crate) fn app_state_with(api: &Api, deadlines: Deadlines) -> AppState {
    limited_state(api, deadlines, ReadLimits::DEFAULT)
}

/// Returns the same with other deadlines and limits of live reads.
pub(crate) fn limited_state(api: &Api, deadlines: Deadlines, limits: ReadLimits) -> AppState {
    let metrics = Arc::new(Metrics::default());
    AppState {
        body_reader: BodyReader::for_reviews(deadlines.body),
        lookup: MetadataLookup::new(MetadataReader::new(
            api.client(),
            Arc::clone(&metrics),
            deadlines.live_read,
            limits,
        )),
        answers: Answers::default(),
        defaults: Arc::new(LiveDefaults::new(Defaults::from_yaml(DEFAULTS).unwrap())),
        metrics,
        events: None,
    }
}

/// Returns a state with synced caches: the namespace `shop`, and the service account `batch` with these annotations.
pub(crate) fn synced_state(api: &Api, annotations: &[(&str, &str)]) -> AppState {
    let state = app_state(api);
    let account = ObjectMetadata::new(annotations.iter().copied(), []);
    list(&state, ObjectKind::ServiceAccount, [("shop", "batch", account)]);
    list(&state, ObjectKind::Namespace, [("", "shop", ObjectMetadata::default())]);
    state
}

/// Replaces the cached objects of a kind, as a complete list does.
pub(crate) fn list<const N: usize>(
    state: &AppState,
    kind: ObjectKind,
    objects: [(&str, &str, ObjectMetadata); N],
) {
    let (cache, mut listed) = (state.lookup.cache(kind), HashSet::new());
    cache.update(|store| {
        for (namespace, name, metadata) in objects {
            listed.insert(store.hash(namespace, name));
            store.put(namespace, name, metadata);
        }
    });
    cache.complete_list(&listed);
}

/// Returns a pod of the service account `batch` that opts in.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "nightly-", "annotations": {"rolebridge.io/inject": "true"}},
        "spec": {"serviceAccountName": "batch", "containers": [{"name": "app", "image": "app"}]},
    })
}

/// Returns the review of a pod in the namespace `shop`.
pub(crate) fn review(pod: &Value) -> Value {
    json!({
        "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": "shop", "operation": "CREATE", "object": pod, "oldObject": null, "dryRun": false,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    })
}

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", "application/json").body(body.into()).unwrap()
}

/// Sends a request to the router. Returns the status and the text of the response.
pub(crate) async fn send(state: &Arc<AppState>, request: Request<Body>) -> (u16, String) {
    let response = router(Arc::clone(state)).oneshot(request).await.unwrap();
    read(response).await
}

async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// Sends a review. Returns the response, which must have status 200.
pub(crate) async fn send_review(state: &Arc<AppState>, path: &str, review: &Value) -> Value {
    let (status, text) = send(state, post(path, review.to_string())).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["response"].take()
}

/// Returns the patch of a response.
pub(crate) fn patch(response: &Value) -> Value {
    assert_eq!(response["allowed"], true, "{response}");
    let patch = response["patch"].as_str().unwrap_or_else(|| panic!("no patch: {response}"));
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}

/// A server on a port of 127.0.0.1.
pub(crate) struct RunningServer {
    pub(crate) port: u16,
    pub(crate) drain: Arc<Drain>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) serving: JoinHandle<()>,
}

impl RunningServer {
    async fn start(
        max_connections: u32,
        connections: impl FnOnce(&Arc<Metrics>, &Arc<Drain>) -> Connections,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (drain, metrics) = (Arc::new(Drain::default()), Arc::new(Metrics::default()));
        let serving = tokio::spawn(server::serve(listener, max_connections, connections(&metrics, &drain)));
        Self { port, drain, metrics, serving }
    }

    /// Returns a counter by its name and labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let mut exposition = Exposition::new("");
        self.metrics.write(&mut exposition);
        let text = exposition.into_text();
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_else(|| panic!("{name}: {text}")).trim().parse().unwrap()
    }
}

/// Starts a server with TLS, or with plain HTTP.
pub(crate) async fn serve(
    router: axum::Router,
    tls: Option<TlsAcceptor>,
    max_connections: u32,
) -> RunningServer {
    RunningServer::start(max_connections, |metrics, drain| {
        Connections::new(tls, router, Arc::clone(metrics), Arc::clone(drain))
    })
    .await
}

/// Starts a server of the health port.
pub(crate) async fn serve_health(router: axum::Router, max_connections: u32) -> RunningServer {
    RunningServer::start(max_connections, |metrics, _| Connections::for_health(router, Arc::clone(metrics)))
        .await
}

/// A connection without a socket. With a socket, a paused clock would advance while data is in transit.
pub(crate) struct PipedConnection {
    pub(crate) stream: DuplexStream,
    pub(crate) drain: Arc<Drain>,
    pub(crate) serving: JoinHandle<()>,
}

/// Serves one connection over an in-memory pipe.
pub(crate) fn pipe(router: axum::Router, tls: Option<TlsAcceptor>) -> PipedConnection {
    let drain = Arc::new(Drain::default());
    let connections = Connections::new(tls, router, Arc::default(), Arc::clone(&drain));
    piped(connections, drain)
}

/// Serves one connection to the health port over an in-memory pipe.
pub(crate) fn pipe_health(router: axum::Router) -> PipedConnection {
    piped(Connections::for_health(router, Arc::default()), Arc::default())
}

fn piped(connections: Connections, drain: Arc<Drain>) -> PipedConnection {
    let (stream, server) = tokio::io::duplex(64 << 10);
    let serving = tokio::spawn(async move {
        let (slot, _) = SlotPool::new(1).open(Ipv4Addr::LOCALHOST.into()).await;
        connections.serve(server, slot).await;
    });
    PipedConnection { stream, drain, serving }
}
