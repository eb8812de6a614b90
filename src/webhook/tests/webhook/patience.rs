//! A review whose body trickles in, and whose surroundings nobody tells: it is answered before its API server gives up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use rolebridge_webhook::patience::Patience;
use rstest::rstest;
use tokio::time::{Instant, sleep};

use crate::support::api::{Api, Mood};
use crate::support::{ask, patient, pod, post, review};

#[rstest]
#[case::the_least(1)]
#[case::the_charts(5)]
#[case::the_most(30)]
#[tokio::test(start_paused = true)]
async fn the_slowest_review_is_answered_in_time(#[case] seconds: u64) {
    let timeout = Duration::from_secs(seconds);
    let patience = Patience::within(timeout);
    let api = Api::default();
    api.be(Mood::Silent);
    let webhook = Arc::new(patient(&api, patience));
    let slow = stream::once(async move {
        sleep(patience.body * 99 / 100).await;
        Ok::<_, std::io::Error>(Bytes::from(review(&pod()).to_string()))
    });
    let begun = Instant::now();
    let (status, answer) = ask(&webhook, post("/mutate", Body::from_stream(slow))).await;
    assert_eq!(status, 200);
    assert!(answer.contains("could not be read from the Kubernetes API"), "{answer}");
    assert!(begun.elapsed() < timeout * 19 / 20, "{:?}", begun.elapsed());
}
