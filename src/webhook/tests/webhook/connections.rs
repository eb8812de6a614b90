//! Clients that are slow, idle or many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use rolebridge_webhook::router::router;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::api::Api;
use crate::support::client::Client;
use crate::support::pki::Issued;
use crate::support::{ROLE, pipe, pod, post, review, serve, synced};

async fn closed_after(mut stream: DuplexStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    begun.elapsed()
}

fn root() -> Request<Body> {
    Request::get("/").body(Body::empty()).unwrap()
}

fn greeting() -> Router {
    Router::new().route("/", get(|| async { "hello" }))
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_begin_is_left() {
    for (tls, sent) in [
        (false, ""),
        (false, "GET / HT"),
        (false, "GET / HTTP/1.1\r\nHost: a\r\nX: "),
        (false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (true, ""),
        (true, "\x16\x03\x01"),
    ] {
        let mut stream = pipe(greeting(), tls.then(|| Issued::until(2077).acceptor())).stream;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let took = closed_after(stream).await;
        assert_eq!(took.as_secs(), 5, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let mut stream = pipe(greeting(), None).stream;
    let begun = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX: ").await.unwrap();
    while stream.write_all(b"x").await.is_ok() {
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_rest_longer_than_kube_apiserver_lets_it() {
    let mut stream = pipe(greeting(), None).stream;
    for _ in 0..2 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
        sleep(Duration::from_secs(91)).await;
    }
    assert_eq!(closed_after(stream).await.as_secs(), 150 - 91);
}

#[tokio::test]
async fn one_connection_too_many_waits() {
    let port = serve(greeting(), None, 2).await.port;
    let mut first = Client::plain(port).await;
    let mut second = Client::plain(port).await;
    let mut third = Client::plain(port).await;
    assert_eq!((first.ask(root()).await.0, second.ask(root()).await.0), (200, 200));
    let gone = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&gone);
    let waiting = tokio::spawn(async move { (third.ask(root()).await.0, seen.load(Ordering::SeqCst)) });
    for _ in 0..100 {
        assert_eq!(second.ask(root()).await.0, 200);
    }
    gone.store(true, Ordering::SeqCst);
    drop(first);
    assert_eq!(waiting.await.unwrap(), (200, true));
}

#[tokio::test]
async fn ten_megabytes_are_answered_and_the_connection_goes_on() {
    let webhook = Arc::new(synced(&Api::default(), &[ROLE]));
    let port = serve(router(webhook), Some(Issued::until(2077).acceptor()), 10).await.port;
    for alpn in ["http/1.1", "h2"] {
        let mut connected = Client::tls(port, &rustls::version::TLS13, alpn).await.unwrap();
        for _ in 0..3 {
            assert_eq!(connected.client.ask(post("/mutate", vec![b' '; 10 << 20])).await.0, 413);
            assert_eq!(connected.client.ask(post("/mutate", review(&pod()).to_string())).await.0, 200);
        }
    }
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_harms_nobody() {
    let webhook = Arc::new(synced(&Api::default(), &[ROLE]));
    let port = serve(router(webhook), None, 10).await.port;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let head = "POST /mutate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let mut good = Client::plain(port).await;
    assert_eq!(good.ask(post("/mutate", review(&pod()).to_string())).await.0, 200);
}
