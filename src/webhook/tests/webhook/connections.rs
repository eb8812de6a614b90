//! Slow, idle and many clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use futures::future::join_all;
use rolebridge_webhook::http::router::router;
use rstest::rstest;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::time::{Instant, sleep};

use crate::support::api::Api;
use crate::support::client::Client;
use crate::support::pki::Issued;
use crate::support::{
    PipedConnection, ROLE, pipe, pipe_health, pod, post, review, serve, serve_health, synced_state,
};

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
#[case::nothing(false, "", 150)]
#[case::request_line(false, "GET / HT", 5)]
#[case::header(false, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 5)]
#[case::http2_preface(false, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 5)]
#[case::no_handshake(true, "", 5)]
#[case::partial_handshake(true, "\x16\x03\x01", 5)]
#[tokio::test(start_paused = true)]
async fn connection_without_request_is_closed(#[case] tls: bool, #[case] sent: &str, #[case] seconds: u64) {
    let mut stream = pipe(hello_router(), tls.then(|| Issued::until(2077).acceptor())).stream;
    stream.write_all(sent.as_bytes()).await.unwrap();
    assert_eq!(time_to_close(stream).await.as_secs(), seconds);
}

/// kube-apiserver connects for a request that then finds another connection, and uses the new one for a later request.
#[tokio::test(start_paused = true)]
async fn unused_connection_outlives_the_timeout_of_kube_apiserver() {
    let mut stream = pipe(hello_router(), None).stream;
    sleep(Duration::from_secs(91)).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut response = [0; 1024];
    let length = stream.read(&mut response).await.unwrap();
    assert!(response[..length].starts_with(b"HTTP/1.1 200 OK"));
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
async fn slow_head_of_an_unused_connection_times_out() {
    let mut stream = pipe(hello_router(), None).stream;
    sleep(Duration::from_secs(61)).await;
    stream.write_all(b"GET / HT").await.unwrap();
    let closed = time_to_close(stream).await;
    assert!((5..=10).contains(&closed.as_secs()), "{closed:?}");
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

#[rstest]
#[case::nothing("")]
#[case::partial_handshake("\x16\x03\x01")]
#[tokio::test]
async fn unfinished_handshakes_give_their_slots_to_new_connections(#[case] sent: &str) {
    let server = serve(hello_router(), Some(Issued::until(2077).acceptor()), 2).await;
    let mut flood = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        flood.push(stream);
    }
    let mut connected = Client::tls(server.port, &rustls::version::TLS13, "h2").await.unwrap();
    assert_eq!(connected.client.request(get_root()).await.0, 200);
    for mut stream in flood.drain(..3) {
        assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0, "closed by the server");
    }
}

#[rstest]
#[case::nothing("")]
#[case::partial_head("GET / HTTP/1.1\r\nHost: a\r\nX: ")]
#[case::http2_preface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
#[case::keep_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
#[tokio::test]
async fn idle_connections_give_their_slots_to_new_ones(#[case] sent: &str) {
    let server = serve(hello_router(), None, 3).await;
    let mut active = Client::plain(server.port).await;
    assert_eq!(active.request(get_root()).await.0, 200);
    let mut flood = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        flood.push(stream);
        // Connections are accepted in their order.
        assert_eq!(Client::plain(server.port).await.request(get_root()).await.0, 200);
        assert_eq!(active.request(get_root()).await.0, 200);
    }
    for mut stream in flood.drain(..3) {
        let mut received = Vec::new();
        // The server may close the connection before it has read what was sent.
        let _ = stream.read_to_end(&mut received).await;
    }
    assert!(server.metric("evicted_connections_total{port=\"reviews\"}") >= 3);
}

#[tokio::test(start_paused = true)]
async fn unread_response_is_abandoned() {
    // More than the client's window.
    let large = Router::new().route("/", get(|| async { "x".repeat(8 << 20) }));
    for request in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""] {
        let PipedConnection { mut stream, serving, .. } = pipe(large.clone(), None);
        let started = Instant::now();
        let client = if request.is_empty() {
            let mut client = Client::http2(stream).await;
            let response = client.send(get_root()).await.unwrap();
            Some((client, response))
        } else {
            stream.write_all(request.as_bytes()).await.unwrap();
            None
        };
        serving.await.unwrap();
        assert!((30..=40).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
        drop(client);
    }
}

#[rstest]
#[case::http1("http/1.1", 4 << 10, 17 << 10)]
#[case::http2("h2", 4 << 10, 8 << 10)]
#[tokio::test]
async fn request_head_is_limited(#[case] alpn: &str, #[case] accepted: usize, #[case] rejected: usize) {
    let port = serve(hello_router(), Some(Issued::until(2077).acceptor()), 10).await.port;
    for (length, expected) in [(accepted, 200), (rejected, 431)] {
        let mut connected = Client::tls(port, &rustls::version::TLS13, alpn).await.unwrap();
        let mut request = get_root();
        request.headers_mut().insert("authorization", "x".repeat(length).parse().unwrap());
        assert_eq!(connected.client.request(request).await.0, expected, "{length}");
    }
}

#[tokio::test]
async fn header_count_is_limited() {
    let port = serve(hello_router(), Some(Issued::until(2077).acceptor()), 10).await.port;
    for alpn in ["http/1.1", "h2"] {
        for (count, expected) in [(50, 200), (300, 431)] {
            let mut connected = Client::tls(port, &rustls::version::TLS13, alpn).await.unwrap();
            let mut request = get_root();
            for _ in 0..count {
                request.headers_mut().append("x", "".parse().unwrap());
            }
            assert_eq!(connected.client.request(request).await.0, expected, "{alpn} {count}");
        }
    }
}

#[tokio::test]
async fn panic_loses_one_request() {
    let panicking = get(async || -> () { panic!("deliberate") });
    let server =
        serve(hello_router().route("/panic", panicking), Some(Issued::until(2077).acceptor()), 10).await;
    for alpn in ["http/1.1", "h2"] {
        let mut connected = Client::tls(server.port, &rustls::version::TLS13, alpn).await.unwrap();
        for _ in 0..2 {
            let request = Request::get("/panic").body(Body::empty()).unwrap();
            assert_eq!(connected.client.request(request).await.0, 500, "{alpn}");
            assert_eq!(connected.client.request(get_root()).await.0, 200, "{alpn}");
        }
    }
    assert_eq!(server.metric("rejected_requests_total{status=\"500\"}"), 4);
}

#[tokio::test]
async fn http2_streams_are_limited() {
    let (active, most, batch) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)), Barrier::new(32));
    let (shared, observed) = (Arc::new((active, batch)), Arc::clone(&most));
    let handler = move || {
        let (shared, most) = (Arc::clone(&shared), Arc::clone(&most));
        async move {
            most.fetch_max(shared.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            shared.1.wait().await;
            shared.0.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let stream = pipe(Router::new().route("/", get(handler)), None).stream;
    let Client::Http2(client) = Client::http2(stream).await else { panic!("expected HTTP/2") };
    let requests = (0..64).map(|_| {
        let mut client = Client::Http2(client.clone());
        async move { client.request(get_root()).await.0 }
    });
    assert_eq!(join_all(requests).await, [200; 64]);
    assert_eq!(observed.load(Ordering::SeqCst), 32);
}

#[tokio::test]
async fn health_connection_serves_one_request() {
    let port = serve_health(hello_router(), 10).await.port;
    let mut client = Client::plain(port).await;
    let response = client.send(get_root()).await.unwrap();
    assert_eq!(response.headers()["connection"], "close");
    drop(response);
    assert!(client.is_closing().await);
}

#[rstest]
#[case::nothing("")]
#[case::partial_head("GET / HTTP/1.1\r\nX: ")]
#[case::unread_response("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
#[tokio::test(start_paused = true)]
async fn health_connection_has_a_deadline(#[case] sent: &str) {
    let large = Router::new().route("/", get(|| async { "x".repeat(1 << 20) }));
    let PipedConnection { mut stream, serving, .. } = pipe_health(large);
    let started = Instant::now();
    stream.write_all(sent.as_bytes()).await.unwrap();
    serving.await.unwrap();
    assert!(started.elapsed().as_secs() <= 10, "{:?}", started.elapsed());
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
