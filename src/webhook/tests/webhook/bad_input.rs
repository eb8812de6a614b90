//! What is no review gets an answer that says so.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use rolebridge_webhook::body::Intake;
use rolebridge_webhook::router::Webhook;
use serde_json::{Value, json};

use crate::support::api::Api;
use crate::support::{ROLE, ask, patch, pod, post, review, synced, webhook};

fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut review = review(&pod());
    change(&mut review);
    review.to_string().into_bytes()
}

#[tokio::test]
async fn each_bad_body_has_its_sentence() {
    let whole = review(&pod()).to_string().into_bytes();
    let other_kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let mut not_utf8 = whole.clone();
    let at = whole.windows(7).position(|text| text == b"nightly").unwrap();
    not_utf8[at] = 0xff;
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("not JSON", b"kind: AdmissionReview".to_vec()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("something after it", [whole.as_slice(), b"{}"].concat()),
        ("too deep", b"{\"request\":".iter().copied().chain([b'['].repeat(1_000_000)).collect()),
        ("a list", b"[]".to_vec()),
        ("nothing in it", b"{}".to_vec()),
        ("another kind", json!({"kind": "Pod", "apiVersion": "v1"}).to_string().into_bytes()),
        ("an old version", changed(|review| review["apiVersion"] = json!("admission.k8s.io/v1beta1"))),
        ("no request", changed(|review| review["request"] = Value::Null)),
        ("no uid", changed(|review| drop(review["request"].as_object_mut().unwrap().remove("uid")))),
        ("uid not a string", changed(|review| review["request"]["uid"] = json!({"a": 1}))),
        ("no operation", changed(|review| review["request"]["operation"] = Value::Null)),
        ("no pod", changed(|review| review["request"]["object"] = Value::Null)),
        ("a pod without a spec", changed(|review| review["request"]["object"]["spec"] = Value::Null)),
        ("not a pod", changed(|review| review["request"]["kind"] = other_kind)),
        (
            "annotations not strings",
            changed(|review| {
                review["request"]["object"]["metadata"]["annotations"]["rolebridge.io/inject"] = json!(true);
            }),
        ),
        ("a name not UTF-8", not_utf8),
    ];
    let webhook = Arc::new(webhook(&Api::default()));
    let mut text = String::new();
    for (name, body) in cases {
        let (status, sentence) = ask(&webhook, post("/mutate", body.clone())).await;
        write!(text, "{name}: {status} {sentence}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn each_bad_request_has_its_status() {
    let large = Bytes::from(vec![b' '; 10 << 20]);
    let chunked = large.chunks(100_000).map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)));
    let chunked = Body::from_stream(futures::stream::iter(chunked.collect::<Vec<_>>()));
    let torn = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
    let of_type =
        |kind: &str| Request::post("/mutate").header("content-type", kind).body(Body::from("{}")).unwrap();
    let cases = [
        ("10 MB", post("/mutate", large.clone())),
        ("10 MB, length not said", post("/mutate", chunked)),
        ("10 MB about a workload", post("/workloads", large)),
        ("torn", post("/mutate", Body::from_stream(futures::stream::iter(torn)))),
        ("YAML", of_type("application/yaml")),
        ("a bad content type", of_type("application/jsonx; a=b")),
        ("no content type", Request::post("/mutate").body(Body::from("{}")).unwrap()),
        ("GET", Request::get("/mutate").body(Body::empty()).unwrap()),
        ("another path", post("/", "{}")),
    ];
    let webhook = Arc::new(webhook(&Api::default()));
    let mut text = String::new();
    for (name, request) in cases {
        let (status, sentence) = ask(&webhook, request).await;
        write!(text, "{name}: {status} {sentence}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn json_with_parameters_is_json() {
    let webhook = Arc::new(synced(&Api::default(), &[ROLE]));
    let body = review(&pod()).to_string();
    let request = Request::post("/mutate").header("content-type", "Application/JSON ; charset=utf-8");
    let (status, text) = ask(&webhook, request.body(Body::from(body)).unwrap()).await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn a_review_in_many_pieces_is_one_review() {
    let webhook = Arc::new(synced(&Api::default(), &[ROLE]));
    let body = review(&pod()).to_string();
    for size in [1, 7, body.len() - 1] {
        let pieces: Vec<_> = body
            .as_bytes()
            .chunks(size)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let stream = Body::from_stream(futures::stream::iter(pieces));
        let (_, text) = ask(&webhook, post("/mutate", stream)).await;
        patch(&serde_json::from_str::<Value>(&text).unwrap()["response"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let webhook = Arc::new(webhook(&Api::default()));
    for path in ["/mutate", "/workloads"] {
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, sentence) = ask(&webhook, post(path, endless)).await;
        assert_eq!((status, &*sentence), (408, "The body had not arrived after 2.5s.\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn all_bodies_together_are_bounded_too() {
    let intake = Intake::new(100, Duration::from_secs(3), 150);
    let webhook = Arc::new(Webhook { intake, ..webhook(&Api::default()) });
    let begun = futures::StreamExt::chain(
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 90]))]),
        futures::stream::pending(),
    );
    let slow = ask(&webhook, post("/mutate", Body::from_stream(begun)));
    let next = || ask(&webhook, post("/mutate", vec![b' '; 90]));
    let (slow, (refused, sentence)) = tokio::join!(slow, next());
    assert_eq!((slow.0, refused), (408, 503), "{sentence}");
    assert_eq!(next().await.0, 400, "what the slow one held is free again");
}

/// Resident memory, in MiB.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

#[tokio::test]
async fn a_thousand_megabytes_of_nonsense_leave_nothing_behind() {
    let webhook = Arc::new(webhook(&Api::default()));
    let large = Bytes::from(vec![b' '; 10 << 20]);
    let whole = Bytes::from(review(&pod()).to_string());
    let pieces = large.clone();
    let round = async || {
        let unsaid = (0..10).map(|n| Ok::<_, std::io::Error>(pieces.slice(n << 20..(n + 1) << 20)));
        for (request, expected) in [
            (post("/mutate", large.clone()), 413),
            (post("/mutate", Body::from_stream(futures::stream::iter(unsaid.collect::<Vec<_>>()))), 413),
            (post("/mutate", large.slice(..8 << 20)), 400),
            (post("/mutate", whole.slice(..whole.len() - 1)), 400),
        ] {
            assert_eq!(ask(&webhook, request).await.0, expected);
        }
    };
    round().await;
    let before = resident();
    for _ in 0..40 {
        round().await;
    }
    let after = resident();
    // Other tests of this process run beside it.
    assert!(after < before + 100, "{before} MiB became {after} MiB");
}
