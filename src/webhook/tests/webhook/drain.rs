//! Graceful shutdown loses no request.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use rstest::rstest;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::support::client::Client;
use crate::support::{PipedConnection, pipe, serve};

const DELAY: Duration = Duration::from_secs(5);

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Returns a router: `/` responds at once; `/slow` notifies that it has started, and responds when notified.
fn test_router() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (started, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (notify, wait) = (Arc::clone(&started), Arc::clone(&finish));
    let slow = get(move || {
        let (notify, wait) = (Arc::clone(&notify), Arc::clone(&wait));
        async move {
            notify.notify_one();
            wait.notified().await;
            "done"
        }
    });
    (Router::new().route("/", get(|| async { "hello" })).route("/slow", slow), started, finish)
}

async fn client(stream: tokio::io::DuplexStream, http2: bool) -> Client {
    if http2 { Client::http2(stream).await } else { Client::http1(stream).await }
}

#[tokio::test]
async fn closing_finishes_open_requests_and_rejects_new_connections() {
    let (router, started, finish) = test_router();
    let running = serve(router, None, 10).await;
    let mut client = Client::plain(running.port).await;
    let open = tokio::spawn(async move { client.request(get_request("/slow")).await });
    started.notified().await;
    running.drain.run(Duration::ZERO).await;
    let connection_refused = async { while TcpStream::connect(("127.0.0.1", running.port)).await.is_ok() {} };
    timeout(Duration::from_secs(5), connection_refused).await.unwrap();
    assert!(!running.serving.is_finished(), "it waits for the open request");
    finish.notify_one();
    assert_eq!(open.await.unwrap(), (200, "done".to_owned()));
    running.serving.await.unwrap();
}

#[rstest]
#[case::http1(false)]
#[case::http2(true)]
#[tokio::test(start_paused = true)]
async fn closing_finishes_open_requests_on_each_protocol(#[case] http2: bool) {
    let (router, started, finish) = test_router();
    let PipedConnection { stream, drain, serving } = pipe(router, None);
    let mut client = client(stream, http2).await;
    let open = tokio::spawn(async move { client.request(get_request("/slow")).await });
    started.notified().await;
    drain.run(DELAY).await;
    sleep(Duration::from_secs(1)).await;
    assert!(!serving.is_finished());
    finish.notify_one();
    assert_eq!(open.await.unwrap(), (200, "done".to_owned()));
    serving.await.unwrap();
}

#[rstest]
#[case::http1(false)]
#[case::http2(true)]
#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_after_the_delay(#[case] http2: bool) {
    let PipedConnection { stream, drain, serving } = pipe(test_router().0, None);
    let mut client = client(stream, http2).await;
    assert_eq!(client.request(get_request("/")).await.0, 200);
    let started = Instant::now();
    drain.run(DELAY).await;
    serving.await.unwrap();
    assert!(client.is_closing().await);
    assert!((DELAY..DELAY + Duration::from_secs(1)).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[rstest]
#[case::http1(false)]
#[case::http2(true)]
#[tokio::test(start_paused = true)]
async fn leaving_server_keeps_serving(#[case] http2: bool) {
    let PipedConnection { stream, drain, .. } = pipe(test_router().0, None);
    let mut client = client(stream, http2).await;
    assert_eq!(client.send(get_request("/")).await.unwrap().headers().get("connection"), None);
    tokio::spawn(async move { drain.run(DELAY).await });
    sleep(DELAY / 2).await;
    let response = client.send(get_request("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    // HTTP/2 has GOAWAY. An HTTP/1.1 client opens a new connection for its next request.
    let close = response.headers().get("connection").is_some_and(|value| value == "close");
    drop(response);
    assert_eq!((close, client.is_closing().await), (!http2, !http2));
}
