//! What the tests share.

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod pki;

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use rolebridge_inject::{Defaults, ObjectMetadata};
use rolebridge_webhook::body::Intake;
use rolebridge_webhook::cache::Objects;
use rolebridge_webhook::connections::Connections;
use rolebridge_webhook::defaults::LiveDefaults;
use rolebridge_webhook::drain::Drain;
use rolebridge_webhook::live::Live;
use rolebridge_webhook::lookup::{Kind, Lookup};
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::patience::Patience;
use rolebridge_webhook::router::{Webhook, router};
use rolebridge_webhook::server;
use serde_json::{Value, json};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::api::Api;

pub(crate) const DEFAULTS: &str =
    "settings:\n  provider: projects/123456/locations/global/workloadIdentityPools/aws/providers/prod\n";
pub(crate) const ROLE: (&str, &str) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/batch");

/// A webhook whose caches are empty and not synced.
pub(crate) fn webhook(api: &Api) -> Webhook {
    patient(api, Patience::default())
}

/// The same, of this patience.
pub(crate) fn patient(api: &Api, patience: Patience) -> Webhook {
    let metrics = Arc::new(Metrics::default());
    Webhook {
        intake: Intake::of_reviews(patience.body),
        lookup: Lookup::new(Live::new(api.client(), Arc::clone(&metrics), patience.live)),
        defaults: Arc::new(LiveDefaults::new(Defaults::from_yaml(DEFAULTS).unwrap())),
        metrics,
        events: None,
    }
}

/// A webhook whose caches know the namespace `shop`, with its service account `batch` of these annotations.
pub(crate) fn synced(api: &Api, annotations: &[(&str, &str)]) -> Webhook {
    let webhook = webhook(api);
    let mut accounts = Objects::default();
    accounts.put("shop", "batch", ObjectMetadata::new(annotations.iter().copied(), []));
    webhook.lookup.cache(Kind::ServiceAccount).replace(accounts);
    let mut namespaces = Objects::default();
    namespaces.put("", "shop", ObjectMetadata::default());
    webhook.lookup.cache(Kind::Namespace).replace(namespaces);
    webhook
}

/// A pod of the service account `batch`, opted in by itself.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "nightly-", "annotations": {"rolebridge.io/inject": "true"}},
        "spec": {"serviceAccountName": "batch", "containers": [{"name": "app", "image": "app"}]},
    })
}

/// A review of a pod in the namespace `shop`.
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

/// What the router says to a request: status and text.
pub(crate) async fn ask(webhook: &Arc<Webhook>, request: Request<Body>) -> (u16, String) {
    let response = router(Arc::clone(webhook)).oneshot(request).await.unwrap();
    read(response).await
}

async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The response to a review, from a webhook that must answer it.
pub(crate) async fn answer(webhook: &Arc<Webhook>, path: &str, review: &Value) -> Value {
    let (status, text) = ask(webhook, post(path, review.to_string())).await;
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["response"].take()
}

/// The patch of a response.
pub(crate) fn patch(response: &Value) -> Value {
    assert_eq!(response["allowed"], true, "{response}");
    let patch = response["patch"].as_str().unwrap_or_else(|| panic!("no patch: {response}"));
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}

/// A server on a port of 127.0.0.1.
pub(crate) struct Running {
    pub(crate) port: u16,
    pub(crate) drain: Arc<Drain>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) serving: JoinHandle<()>,
}

/// Serves over TLS, or plain.
pub(crate) async fn serve(router: axum::Router, tls: Option<TlsAcceptor>, max_connections: u32) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (drain, metrics) = (Arc::new(Drain::default()), Arc::new(Metrics::default()));
    let connections = Connections::new(tls, router, Arc::clone(&metrics), Arc::clone(&drain));
    let serving = tokio::spawn(server::serve(listener, max_connections, connections));
    Running { port, drain, metrics, serving }
}

/// A connection without a socket: with one, a paused clock would not wait for what is under way.
pub(crate) struct Piped {
    pub(crate) stream: DuplexStream,
    pub(crate) drain: Arc<Drain>,
    pub(crate) serving: JoinHandle<()>,
}

/// Serves one connection.
pub(crate) fn pipe(router: axum::Router, tls: Option<TlsAcceptor>) -> Piped {
    let (stream, server) = tokio::io::duplex(64 << 10);
    let drain = Arc::new(Drain::default());
    let connections = Connections::new(tls, router, Arc::default(), Arc::clone(&drain));
    let serving = tokio::spawn(async move { connections.serve(server).await });
    Piped { stream, drain, serving }
}
