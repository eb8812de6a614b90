//! A review with a slow body and a silent API server is answered before the API server times out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use rolebridge_webhook::deadlines::Deadlines;
use rstest::rstest;
use tokio::time::{Instant, sleep};

use crate::support::api::{Api, Behavior};
use crate::support::{app_state_with, pod, post, review, send};

#[rstest]
#[case::minimum(1)]
#[case::default_of_the_chart(5)]
#[case::maximum(30)]
#[tokio::test(start_paused = true)]
async fn slowest_review_is_answered_in_time(#[case] seconds: u64) {
    let timeout = Duration::from_secs(seconds);
    let deadlines = Deadlines::within(timeout);
    let api = Api::default();
    api.set_behavior(Behavior::Silent);
    let state = Arc::new(app_state_with(&api, deadlines));
    let slow = stream::once(async move {
        sleep(deadlines.body * 99 / 100).await;
        Ok::<_, std::io::Error>(Bytes::from(review(&pod()).to_string()))
    });
    let started = Instant::now();
    let (status, text) = send(&state, post("/mutate", Body::from_stream(slow))).await;
    assert_eq!(status, 200);
    assert!(text.contains("Failed to read service account shop/batch from the Kubernetes API"), "{text}");
    assert!(started.elapsed() < timeout * 19 / 20, "{:?}", started.elapsed());
}
