//! TLS and HTTP versions, and certificate replacement with open connections.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use rolebridge_telemetry::exposition::Exposition;
use rolebridge_webhook::http::cert_resolver::CertResolver;
use rolebridge_webhook::http::router::router;
use rolebridge_webhook::http::tls;
use rolebridge_webhook::metrics::METRICS_PREFIX;
use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use crate::support::api::Api;
use crate::support::client::Client;
use crate::support::pki::Issued;
use crate::support::{ROLE, patch, pod, post, review, serve, synced_state};

#[rstest]
#[case(&TLS12, ProtocolVersion::TLSv1_2, "http/1.1")]
#[case(&TLS12, ProtocolVersion::TLSv1_2, "h2")]
#[case(&TLS13, ProtocolVersion::TLSv1_3, "http/1.1")]
#[case(&TLS13, ProtocolVersion::TLSv1_3, "h2")]
#[tokio::test]
async fn review_is_answered_over_each_version(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] negotiated: ProtocolVersion,
    #[case] alpn: &str,
) {
    let router = router(Arc::new(synced_state(&Api::default(), &[ROLE])));
    let running = serve(router, Some(Issued::until(2077).acceptor()), 10).await;
    let mut connected = Client::tls(running.port, version, alpn).await.unwrap();
    assert_eq!((connected.version, connected.year), (negotiated, 2077));
    for size in [0, 100_000] {
        let mut pod = pod();
        pod["metadata"]["annotations"]["a"] = "x".repeat(size).into();
        let (status, text) = connected.client.request(post("/mutate", review(&pod).to_string())).await;
        assert_eq!(status, 200, "{text}");
        patch(&serde_json::from_str::<Value>(&text).unwrap()["response"]);
    }
}

#[rstest]
#[case(&TLS12, "http/1.1")]
#[case(&TLS13, "h2")]
#[tokio::test]
async fn new_certificate_is_used_for_new_connections(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] alpn: &str,
) {
    let resolver = Arc::new(CertResolver::default());
    let acceptor = TlsAcceptor::from(tls::config(Arc::clone(&resolver)).unwrap());
    let router = router(Arc::new(synced_state(&Api::default(), &[ROLE])));
    let port = serve(router, Some(acceptor), 10).await.port;
    assert!(Client::tls(port, version, alpn).await.is_err(), "there is no certificate yet");

    let request = || post("/mutate", review(&pod()).to_string());
    resolver.replace(Issued::until(2077).serving_cert());
    let mut old = Client::tls(port, version, alpn).await.unwrap();
    assert_eq!((old.client.request(request()).await.0, old.year), (200, 2077));
    resolver.replace(Issued::until(2078).serving_cert());
    let mut new = Client::tls(port, version, alpn).await.unwrap();
    assert_eq!((new.client.request(request()).await.0, new.year), (200, 2078));
    assert_eq!(old.client.request(request()).await.0, 200, "an old connection stays open");
}

#[tokio::test]
async fn plain_http_client_is_counted_and_does_not_affect_others() {
    let router = router(Arc::new(synced_state(&Api::default(), &[ROLE])));
    let running = serve(router, Some(Issued::until(2077).acceptor()), 10).await;
    let mut plain = Client::plain(running.port).await;
    assert!(plain.send(Request::get("/mutate").body(Body::empty()).unwrap()).await.is_err());
    let mut client = Client::tls(running.port, &TLS13, "h2").await.unwrap();
    assert_eq!(client.client.request(post("/mutate", review(&pod()).to_string())).await.0, 200);
    let mut exposition = Exposition::new(METRICS_PREFIX);
    running.metrics.write(&mut exposition);
    assert!(exposition.into_text().contains("rolebridge_webhook_handshake_errors_total 1\n"));
}
