//! Slow, idle and many clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use rolebridge_webhook::http::router::router;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::api::Api;
use crate::support::client::Client;
use crate::support::pki::Issued;
use crate::support::{ROLE, pipe, pod, post, review, serve, synced_state};

/// Returns the time until the server closes the connection.
async fn time_to_close(mut stream: DuplexStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    started.elapsed()
}

fn get_root() -> Request<Body> {
    Request::get("/").body(Body::empty()).unwrap()
}

fn hello_router() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

#[rstest]
#[case::nothing(false, "")]
#[case::request_line(false, "GET / HT")]
#[case::header(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ")]
#[case::http2_preface(false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
#[case::no_handshake(true, "")]
#[case::partial_handshake(true, "\x16\x03\x01")]
#[tokio::test(start_paused = true)]
async fn connection_without_request_is_closed(#[case] tls: bool, #[case] sent: &str) {
    let mut stream = pipe(hello_router(), tls.then(|| Issued::until(2077).acceptor())).stream;
    stream.write_all(sent.as_bytes()).await.unwrap();
    assert_eq!(time_to_close(stream).await.as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn slow_request_head_times_out() {
    let mut stream = pipe(hello_router(), None).stream;
    let started = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await.unwrap();
    while stream.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn idle_connection_outlives_the_timeout_of_kube_apiserver() {
    let mut stream = pipe(hello_router(), None).stream;
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut response = [0; 1024];
        let length = stream.read(&mut response).await.unwrap();
        assert!(response[..length].starts_with(b"HTTP/1.1 200 OK"));
        sleep(Duration::from_secs(91)).await;
    }
    assert_eq!(time_to_close(stream).await.as_secs(), 150 - 91);
}

#[tokio::test]
async fn connection_above_the_limit_waits() {
    let port = serve(hello_router(), None, 2).await.port;
    let mut first = Client::plain(port).await;
    let mut second = Client::plain(port).await;
    let mut third = Client::plain(port).await;
    assert_eq!((first.request(get_root()).await.0, second.request(get_root()).await.0), (200, 200));
    let disconnected = Arc::new(AtomicBool::new(false));
    let observed = Arc::clone(&disconnected);
    let waiting =
        tokio::spawn(async move { (third.request(get_root()).await.0, observed.load(Ordering::SeqCst)) });
    for _ in 0..100 {
        assert_eq!(second.request(get_root()).await.0, 200);
    }
    disconnected.store(true, Ordering::SeqCst);
    drop(first);
    assert_eq!(waiting.await.unwrap(), (200, true));
}

#[tokio::test]
async fn rejected_body_keeps_the_connection_open() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let port = serve(router(state), Some(Issued::until(2077).acceptor()), 10).await.port;
    for alpn in ["http/1.1", "h2"] {
        let mut connected = Client::tls(port, &rustls::version::TLS13, alpn).await.unwrap();
        for _ in 0..3 {
            assert_eq!(connected.client.request(post("/mutate", vec![b' '; 10 << 20])).await.0, 413);
            assert_eq!(connected.client.request(post("/mutate", review(&pod()).to_string())).await.0, 200);
        }
    }
}

#[tokio::test]
async fn disconnecting_clients_do_not_affect_others() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let port = serve(router(state), None, 10).await.port;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head = "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let mut client = Client::plain(port).await;
    assert_eq!(client.request(post("/mutate", review(&pod()).to_string())).await.0, 200);
}
