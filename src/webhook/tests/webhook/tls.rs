//! Both versions of TLS, both of HTTP, and a certificate that changes under a connection.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use rolebridge_webhook::certificates::Certificates;
use rolebridge_webhook::router::router;
use rolebridge_webhook::tls;
use rstest::rstest;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use serde_json::Value;
use tokio_rustls::TlsAcceptor;

use crate::support::api::Api;
use crate::support::client::Client;
use crate::support::pki::Issued;
use crate::support::{ROLE, patch, pod, post, review, serve, synced};

#[rstest]
#[case(&TLS12, ProtocolVersion::TLSv1_2, "http/1.1")]
#[case(&TLS12, ProtocolVersion::TLSv1_2, "h2")]
#[case(&TLS13, ProtocolVersion::TLSv1_3, "http/1.1")]
#[case(&TLS13, ProtocolVersion::TLSv1_3, "h2")]
#[tokio::test]
async fn a_review_over(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] agreed: ProtocolVersion,
    #[case] alpn: &str,
) {
    let router = router(Arc::new(synced(&Api::default(), &[ROLE])));
    let running = serve(router, Some(Issued::until(2077).acceptor()), 10).await;
    let mut connected = Client::tls(running.port, version, alpn).await.unwrap();
    assert_eq!((connected.version, connected.year), (agreed, 2077));
    for size in [0, 100_000] {
        let mut pod = pod();
        pod["metadata"]["annotations"]["a"] = "x".repeat(size).into();
        let (status, text) = connected.client.ask(post("/mutate", review(&pod).to_string())).await;
        assert_eq!(status, 200, "{text}");
        patch(&serde_json::from_str::<Value>(&text).unwrap()["response"]);
    }
}

#[rstest]
#[case(&TLS12, "http/1.1")]
#[case(&TLS13, "h2")]
#[tokio::test]
async fn a_new_certificate_holds_for_new_connections(
    #[case] version: &'static SupportedProtocolVersion,
    #[case] alpn: &str,
) {
    let certificates = Arc::new(Certificates::default());
    let acceptor = TlsAcceptor::from(tls::config(Arc::clone(&certificates)).unwrap());
    let router = router(Arc::new(synced(&Api::default(), &[ROLE])));
    let port = serve(router, Some(acceptor), 10).await.port;
    assert!(Client::tls(port, version, alpn).await.is_err(), "there is none yet");

    let question = || post("/mutate", review(&pod()).to_string());
    certificates.serve(Issued::until(2077).pair());
    let mut old = Client::tls(port, version, alpn).await.unwrap();
    assert_eq!((old.client.ask(question()).await.0, old.year), (200, 2077));
    certificates.serve(Issued::until(2078).pair());
    let mut new = Client::tls(port, version, alpn).await.unwrap();
    assert_eq!((new.client.ask(question()).await.0, new.year), (200, 2078));
    assert_eq!(old.client.ask(question()).await.0, 200, "an old connection goes on");
}

#[tokio::test]
async fn what_speaks_no_tls_is_counted_and_harms_nobody() {
    let router = router(Arc::new(synced(&Api::default(), &[ROLE])));
    let running = serve(router, Some(Issued::until(2077).acceptor()), 10).await;
    let mut plain = Client::plain(running.port).await;
    assert!(plain.send(Request::get("/mutate").body(Body::empty()).unwrap()).await.is_err());
    let mut good = Client::tls(running.port, &TLS13, "h2").await.unwrap();
    assert_eq!(good.client.ask(post("/mutate", review(&pod()).to_string())).await.0, 200);
    let mut page = rolebridge_webhook::page::Page::default();
    running.metrics.write(&mut page);
    assert!(page.into_text().contains("rolebridge_webhook_handshake_faults_total 1\n"));
}
