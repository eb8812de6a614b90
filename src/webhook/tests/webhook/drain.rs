//! The end of a server loses no request.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::support::client::Client;
use crate::support::{Piped, pipe, serve};

const DELAY: Duration = Duration::from_secs(5);

fn ask(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// `/` answers at once; `/slow` says that it has begun, and ends when it is told to.
fn router() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (says, waits) = (Arc::clone(&begun), Arc::clone(&finish));
    let slow = get(move || {
        let (says, waits) = (Arc::clone(&says), Arc::clone(&waits));
        async move {
            says.notify_one();
            waits.notified().await;
            "done"
        }
    });
    (Router::new().route("/", get(|| async { "hello" })).route("/slow", slow), begun, finish)
}

async fn client(stream: tokio::io::DuplexStream, two: bool) -> Client {
    if two { Client::two(stream).await } else { Client::one(stream).await }
}

#[tokio::test]
async fn what_is_open_is_finished_and_nobody_new_is_let_in() {
    let (router, begun, finish) = router();
    let running = serve(router, None, 10).await;
    let mut client = Client::plain(running.port).await;
    let open = tokio::spawn(async move { client.ask(ask("/slow")).await });
    begun.notified().await;
    running.drain.run(Duration::ZERO).await;
    let refused = async { while TcpStream::connect(("127.0.0.1", running.port)).await.is_ok() {} };
    timeout(Duration::from_secs(5), refused).await.unwrap();
    assert!(!running.serving.is_finished(), "it waits for what is open");
    finish.notify_one();
    assert_eq!(open.await.unwrap(), (200, "done".to_owned()));
    running.serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_open_is_finished_on_each_protocol() {
    for two in [false, true] {
        let (router, begun, finish) = router();
        let Piped { stream, drain, serving } = pipe(router, None);
        let mut client = client(stream, two).await;
        let open = tokio::spawn(async move { client.ask(ask("/slow")).await });
        begun.notified().await;
        drain.run(DELAY).await;
        sleep(Duration::from_secs(1)).await;
        assert!(!serving.is_finished());
        finish.notify_one();
        assert_eq!(open.await.unwrap(), (200, "done".to_owned()));
        serving.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_rests_is_closed_after_the_delay_and_not_before() {
    for two in [false, true] {
        let Piped { stream, drain, serving } = pipe(router().0, None);
        let mut client = client(stream, two).await;
        assert_eq!(client.ask(ask("/")).await.0, 200);
        let begun = Instant::now();
        drain.run(DELAY).await;
        serving.await.unwrap();
        assert!(client.is_over().await);
        assert!((DELAY..DELAY + Duration::from_secs(1)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_leaves_goes_on_serving() {
    for two in [false, true] {
        let Piped { stream, drain, .. } = pipe(router().0, None);
        let mut client = client(stream, two).await;
        assert_eq!(client.send(ask("/")).await.unwrap().headers().get("connection"), None);
        tokio::spawn(async move { drain.run(DELAY).await });
        sleep(DELAY / 2).await;
        let response = client.send(ask("/")).await.unwrap();
        assert_eq!(response.status(), 200);
        // HTTP/2 has GOAWAY. A client of HTTP/1.1 takes its next request elsewhere.
        let close = response.headers().get("connection").is_some_and(|value| value == "close");
        drop(response);
        assert_eq!((close, client.is_over().await), (!two, !two));
    }
}
