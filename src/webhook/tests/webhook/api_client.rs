//! The client of production, against an API server that is overloaded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use futures::future::join_all;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Client, Config};
use rolebridge_telemetry::exposition::Exposition;
use rolebridge_webhook::api_client;
use rolebridge_webhook::metadata::cache::Cache;
use rolebridge_webhook::metadata::object_key::ObjectKey;
use rolebridge_webhook::metadata::reader::MetadataReader;
use rolebridge_webhook::metadata::reflector::run_reflector;
use rolebridge_webhook::metadata::turns::{Purpose, ReadLimits};
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::object_kind::ObjectKind;
use rstest::rstest;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Starts an API server that answers every request with this status. Returns its client and the number of requests.
async fn failing_api_server(status: StatusCode) -> (Client, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::default());
    let count = Arc::clone(&requests);
    let router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready((status, [(RETRY_AFTER, "1")], ""))
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (api_client::with_config(Config::new(url.parse().unwrap())).unwrap(), requests)
}

fn sample(metrics: &Metrics, name: &str) -> usize {
    let mut exposition = Exposition::new("");
    metrics.write(&mut exposition);
    let text = exposition.into_text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    value.trim().parse().unwrap()
}

#[rstest]
#[case::overloaded(StatusCode::TOO_MANY_REQUESTS)]
#[case::unavailable(StatusCode::SERVICE_UNAVAILABLE)]
#[case::gateway_timeout(StatusCode::GATEWAY_TIMEOUT)]
#[tokio::test]
async fn failed_reads_are_sent_and_counted_once(#[case] status: StatusCode) {
    const READS: usize = 10;
    let (client, requests) = failing_api_server(status).await;
    let metrics = Arc::new(Metrics::default());
    let reader =
        MetadataReader::new(client, Arc::clone(&metrics), Duration::from_mins(1), ReadLimits::DEFAULT);
    let key = |number| ObjectKey::service_account("shop", &format!("account-{number}"));
    let read = |number| reader.read(key(number), "shop", Purpose::Unseen, reader.deadline());
    let results = join_all((0..READS).map(read)).await;
    assert!(results.iter().all(Result::is_err));
    assert_eq!(requests.load(Ordering::Relaxed), READS);
    assert_eq!(sample(&metrics, "live_reads_total{outcome=\"failed\"}"), READS);
}

#[tokio::test]
async fn failed_lists_are_sent_and_counted_once() {
    let (client, requests) = failing_api_server(StatusCode::SERVICE_UNAVAILABLE).await;
    let (cache, metrics) = (Cache::default(), Metrics::default());
    let errors = || sample(&metrics, "watch_errors_total{kind=\"service-account\"}");
    let reflector = run_reflector::<ServiceAccount>(client, ObjectKind::ServiceAccount, &cache, &metrics);
    tokio::select! {
        () = reflector => unreachable!("the reflector runs forever"),
        () = async { while errors() < 2 { sleep(Duration::from_millis(5)).await; } } => {}
    }
    // One more request may be in flight.
    let (requests, errors) = (requests.load(Ordering::Relaxed), errors());
    assert!(requests == errors || requests == errors + 1, "{requests} requests, {errors} errors");
}
