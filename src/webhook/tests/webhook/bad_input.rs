//! Requests that are not valid reviews are rejected with a message.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::BodyExt;
use rolebridge_webhook::admission::body::BodyReader;
use rolebridge_webhook::admission::budget::REQUEST_BYTES;
use rolebridge_webhook::http::router::router;
use rolebridge_webhook::state::AppState;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

use crate::support::api::Api;
use crate::support::{ROLE, app_state, patch, pod, post, review, send, send_review, synced_state};

fn modified(modify: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut review = review(&pod());
    modify(&mut review);
    review.to_string().into_bytes()
}

#[tokio::test]
async fn invalid_bodies_get_a_message() {
    let valid = review(&pod()).to_string().into_bytes();
    let other_kind = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let mut not_utf8 = valid.clone();
    let at = valid.windows(7).position(|text| text == b"nightly").unwrap();
    not_utf8[at] = 0xff;
    let cases: &[(&str, Vec<u8>)] = &[
        ("empty", vec![]),
        ("not JSON", b"kind: AdmissionReview".to_vec()),
        ("truncated", valid[..valid.len() / 2].to_vec()),
        ("trailing characters", [valid.as_slice(), b"{}"].concat()),
        ("too deep", b"{\"request\":".iter().copied().chain([b'['].repeat(1_000_000)).collect()),
        ("a list", b"[]".to_vec()),
        ("an empty object", b"{}".to_vec()),
        ("another kind", json!({"kind": "Pod", "apiVersion": "v1"}).to_string().into_bytes()),
        ("an old version", modified(|review| review["apiVersion"] = json!("admission.k8s.io/v1beta1"))),
        ("no request", modified(|review| review["request"] = Value::Null)),
        ("no uid", modified(|review| drop(review["request"].as_object_mut().unwrap().remove("uid")))),
        ("a uid that is not a string", modified(|review| review["request"]["uid"] = json!({"a": 1}))),
        ("no operation", modified(|review| review["request"]["operation"] = Value::Null)),
        ("no pod", modified(|review| review["request"]["object"] = Value::Null)),
        ("a pod without a spec", modified(|review| review["request"]["object"]["spec"] = Value::Null)),
        ("not a pod", modified(|review| review["request"]["kind"] = other_kind)),
        (
            "an annotation that is not a string",
            modified(|review| {
                review["request"]["object"]["metadata"]["annotations"]["rolebridge.io/inject"] = json!(true);
            }),
        ),
        ("a name that is not UTF-8", not_utf8),
    ];
    let state = Arc::new(app_state(&Api::default()));
    let mut text = String::new();
    for (name, body) in cases {
        let (status, message) = send(&state, post("/mutate", body.clone())).await;
        write!(text, "{name}: {status} {message}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn invalid_requests_get_their_status() {
    let large = Bytes::from(vec![b' '; 10 << 20]);
    let chunked = large.chunks(100_000).map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)));
    let chunked = Body::from_stream(futures::stream::iter(chunked.collect::<Vec<_>>()));
    let incomplete = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))];
    let with_type =
        |kind: &str| Request::post("/mutate").header("content-type", kind).body(Body::from("{}")).unwrap();
    let cases = [
        ("10 MB", post("/mutate", large.clone())),
        ("10 MB, chunked", post("/mutate", chunked)),
        ("10 MB to /workloads", post("/workloads", large)),
        ("incomplete", post("/mutate", Body::from_stream(futures::stream::iter(incomplete)))),
        ("YAML", with_type("application/yaml")),
        ("an invalid content type", with_type("application/jsonx; a=b")),
        ("no content type", Request::post("/mutate").body(Body::from("{}")).unwrap()),
        ("GET", Request::get("/mutate").body(Body::empty()).unwrap()),
        ("another path", post("/", "{}")),
    ];
    let state = Arc::new(app_state(&Api::default()));
    let mut text = String::new();
    for (name, request) in cases {
        let (status, message) = send(&state, request).await;
        write!(text, "{name}: {status} {message}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn content_type_with_parameters_is_accepted() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let body = review(&pod()).to_string();
    let request = Request::post("/mutate").header("content-type", "Application/JSON ; charset=utf-8");
    let (status, text) = send(&state, request.body(Body::from(body)).unwrap()).await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn review_in_many_frames_is_accepted() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let body = review(&pod()).to_string();
    for size in [1, 7, body.len() - 1] {
        let pieces: Vec<_> = body
            .as_bytes()
            .chunks(size)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let stream = Body::from_stream(futures::stream::iter(pieces));
        let (_, text) = send(&state, post("/mutate", stream)).await;
        patch(&serde_json::from_str::<Value>(&text).unwrap()["response"]);
    }
}

#[tokio::test(start_paused = true)]
async fn endless_body_times_out() {
    let state = Arc::new(app_state(&Api::default()));
    for path in ["/mutate", "/workloads"] {
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let (status, message) = send(&state, post(path, endless)).await;
        assert_eq!((status, &*message), (408, "request body did not arrive within 2.5s\n"));
    }
}

/// Returns a body of which this many bytes arrive, and no more.
fn stalled(bytes: usize) -> Body {
    let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![b' '; bytes]))]);
    Body::from_stream(futures::StreamExt::chain(first, futures::stream::pending()))
}

#[tokio::test(start_paused = true)]
async fn slow_body_gives_way_to_another_one() {
    let body_reader = BodyReader::new(100, Duration::from_secs(3), 2 * REQUEST_BYTES + 150);
    let state = Arc::new(AppState { body_reader, ..app_state(&Api::default()) });
    let started = Instant::now();
    let slow = async {
        let (status, message) = send(&state, post("/mutate", stalled(90))).await;
        (status, message, started.elapsed())
    };
    let other = async {
        sleep(Duration::from_secs(1)).await;
        send(&state, post("/mutate", vec![b' '; 90])).await
    };
    let ((status, message, elapsed), (other, _)) = tokio::join!(slow, other);
    assert_eq!((status, &*message), (503, "too many reviews at the moment; try again\n"));
    assert_eq!((elapsed, other), (Duration::from_secs(1), 400), "the other body is read to its end");
    assert_eq!(state.body_reader.budget().available(), 2 * REQUEST_BYTES + 150);
}

/// A flood of slow bodies of this size fills the memory several times, again and again.
#[rstest]
#[case::large(6 << 20)]
#[case::small(60 << 10)]
#[case::heads(0)]
#[tokio::test(start_paused = true)]
async fn flood_of_stalled_bodies_loses_no_review(#[case] bytes: usize) {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let count = 3 * state.body_reader.budget().available() / (REQUEST_BYTES + bytes);
    let flood: Vec<_> = (0..count)
        .map(|number| {
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                sleep(
                    Duration::from_secs(2) * u32::try_from(number).unwrap() / u32::try_from(count).unwrap(),
                )
                .await;
                send(&state, post("/mutate", stalled(bytes))).await
            })
        })
        .collect();
    let mut large = pod();
    large["metadata"]["annotations"]["example.com/ballast"] = json!("x".repeat(1 << 20));
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for number in 0..100 {
        ticks.tick().await;
        let pod = if number % 2 == 0 { pod() } else { large.clone() };
        patch(&send_review(&state, "/mutate", &review(&pod)).await);
    }
    let mut evicted = 0;
    for request in flood {
        evicted += usize::from(request.await.unwrap().0 == 503);
    }
    assert!(evicted > count / 2, "the flood was too small: {evicted} of {count}");
    assert_eq!(state.body_reader.budget().available(), 32 << 20);
}

#[tokio::test]
async fn response_is_charged_until_it_is_sent() {
    const TOTAL: usize = 30_000 + REQUEST_BYTES;
    let body_reader = BodyReader::new(10_000, Duration::from_secs(3), TOTAL);
    let state = Arc::new(AppState { body_reader, ..synced_state(&Api::default(), &[ROLE]) });
    let reviews = [("/mutate", review(&pod()).to_string()), ("/workloads", review(&json!({})).to_string())];
    for (path, review) in reviews {
        let response = router(Arc::clone(&state)).oneshot(post(path, review.clone())).await.unwrap();
        let charged = TOTAL - REQUEST_BYTES - state.body_reader.budget().available();
        let mut body = response.into_body();
        let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(charged >= data.len() && charged < data.len() + 1000, "{charged}, {} bytes", data.len());
        drop(body);
        assert_eq!(
            state.body_reader.budget().available(),
            TOTAL - REQUEST_BYTES - charged,
            "the bytes are not sent yet"
        );
        drop(data);
        assert_eq!(state.body_reader.budget().available(), TOTAL);
    }
}

#[tokio::test]
async fn response_beyond_the_budget_is_rejected() {
    let review = review(&pod()).to_string();
    let body_reader = BodyReader::new(10_000, Duration::from_secs(3), REQUEST_BYTES + review.len());
    let state = Arc::new(AppState { body_reader, ..synced_state(&Api::default(), &[ROLE]) });
    let (status, message) = send(&state, post("/mutate", review.clone())).await;
    assert_eq!((status, &*message), (503, "too many reviews at the moment; try again\n"));
    assert_eq!(state.body_reader.budget().available(), REQUEST_BYTES + review.len());
}

#[tokio::test]
async fn patch_that_no_object_can_hold_is_denied() {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let mut pod = pod();
    // The patch repeats each container's exceptions from its proxy.
    let exceptions = "a.example.com,".repeat(1000);
    let env = json!([{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "NO_PROXY", "value": exceptions}]);
    let containers =
        |count| (0..count).map(|n| json!({"name": format!("c{n}"), "image": "a", "env": env})).collect();
    for (count, allowed) in [(20, true), (300, false)] {
        pod["spec"]["containers"] = containers(count);
        let response = send_review(&state, "/mutate", &review(&pod)).await;
        assert_eq!(response["allowed"], allowed);
        assert!(response.to_string().len() < 4 << 20);
        if !allowed {
            let message = response["status"]["message"].as_str().unwrap();
            assert!(
                message.starts_with("Injection of the pod: expected at most 3145728 bytes, found "),
                "{message}"
            );
        }
    }
}

/// Reads the body of a review.
async fn read_body(state: &AppState, review: String) -> rolebridge_webhook::admission::body::Body {
    state.body_reader.read(post("/mutate", review)).await.unwrap()
}

/// Returns a pod of 2 MiB that takes several times as much when it is decoded.
fn crafted_pod(field: &str, item: &str) -> String {
    let mut pod = pod();
    pod["spec"]["containers"] = (0..13).map(|n| json!({"name": format!("c{n}"), field: []})).collect();
    let (empty, list) = (format!(r#""{field}":[]"#), vec![item; 50_000].join(","));
    review(&pod).to_string().replace(&empty, &format!(r#""{field}":[{list}]"#))
}

#[rstest]
#[case::args("args", r#""""#)]
#[case::env("env", "{}")]
#[tokio::test]
async fn decoding_of_crafted_pods_is_charged(#[case] field: &str, #[case] item: &str) {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let total = state.body_reader.budget().available();
    let crafted = crafted_pod(field, item);
    assert!(crafted.len() < 3 << 20);
    let (one, other) = (read_body(&state, crafted.clone()).await, read_body(&state, crafted.clone()).await);
    let available = state.body_reader.budget().available();
    let decoding = one.charge_decoding(one.bytes(), 1).unwrap();
    let charged = available - state.body_reader.budget().available();
    assert!(charged >= 56_000 * 2 * 24 + crafted.len(), "{charged}");
    assert!(other.charge_decoding(other.bytes(), 1).is_err(), "both do not fit");
    let small = send_review(&state, "/mutate", &review(&pod())).await;
    patch(&small);
    drop(decoding);
    drop(other.charge_decoding(other.bytes(), 1).unwrap());
    drop((one, other));
    let (status, text) = send(&state, post("/mutate", crafted)).await;
    assert_eq!(status, 200, "one alone is decided");
    assert!(text.contains("expected at most 50000 variables, mounts, ports and arguments"), "{text}");
    assert_eq!(state.body_reader.budget().available(), total);
}

#[tokio::test]
async fn decoding_beyond_the_budget_is_rejected() {
    let review = review(&pod()).to_string();
    let total = REQUEST_BYTES + 2 * review.len();
    let body_reader = BodyReader::new(10_000, Duration::from_secs(3), total);
    let state = Arc::new(AppState { body_reader, ..synced_state(&Api::default(), &[ROLE]) });
    for path in ["/mutate", "/workloads", "/pod-templates"] {
        let (status, message) = send(&state, post(path, review.clone())).await;
        assert_eq!((status, &*message), (503, "too many reviews at the moment; try again\n"), "{path}");
    }
    assert_eq!(state.body_reader.budget().available(), total);
}

/// The largest pod that etcd stores, and one that runs: its arguments are lists of numbers with commas.
#[rstest]
#[case::managed_fields(|pod: &mut Value| {
    let fields: serde_json::Map<_, _> = (0..170_000).map(|n| (format!("f:{n:05}"), json!({}))).collect();
    pod["metadata"]["managedFields"] = json!([{"fieldsV1": fields}]);
})]
#[case::arguments(|pod: &mut Value| {
    pod["spec"]["containers"][0]["args"] = vec!["1,".repeat(64 << 10); 12].into();
})]
#[tokio::test]
async fn largest_pods_are_injected_beside_small_ones(#[case] enlarge: fn(&mut Value)) {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let mut largest = pod();
    enlarge(&mut largest);
    let largest = review(&largest);
    let body = read_body(&state, largest.to_string()).await;
    assert!(body.bytes().len() > 3 << 19);
    let decoding = body.charge_decoding(body.bytes(), 1).unwrap();
    for _ in 0..100 {
        patch(&send_review(&state, "/mutate", &review(&pod())).await);
    }
    drop((decoding, body));
    patch(&send_review(&state, "/mutate", &largest).await);
}

#[rstest]
#[case::of_another_type(json!(5))]
#[case::text(json!("x".repeat(1 << 20)))]
#[case::huge(json!({"x": vec!["y"; 250_000]}))]
#[case::types_of_its_fields(json!({"phase": [], "conditions": {"a": 1}, "containerStatuses": 7}))]
#[tokio::test]
async fn status_of_a_pod_is_not_read(#[case] status: Value) {
    let state = Arc::new(synced_state(&Api::default(), &[ROLE]));
    let expected = send_review(&state, "/mutate", &review(&pod())).await;
    let mut with_status = pod();
    with_status["status"] = status.clone();
    let mut review = review(&with_status);
    assert_eq!(send_review(&state, "/mutate", &review).await, expected);
    review["request"]["status"] = status.clone();
    review["status"] = status;
    assert_eq!(send_review(&state, "/mutate", &review).await, expected);
}

/// Returns the resident memory in MiB.
fn resident_mib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

/// Runs the test below in a process of its own, because the other tests of this process take and free memory too.
#[test]
fn rejected_bodies_do_not_leak_memory() {
    let arguments = ["--exact", "bad_input::rejected_bodies_do_not_leak_memory_of_a_process", "--ignored"];
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn rejected_bodies_do_not_leak_memory_of_a_process() {
    let state = Arc::new(app_state(&Api::default()));
    let large = Bytes::from(vec![b' '; 10 << 20]);
    let valid = Bytes::from(review(&pod()).to_string());
    let pieces = large.clone();
    let send_all = async || {
        let chunked = (0..10).map(|n| Ok::<_, std::io::Error>(pieces.slice(n << 20..(n + 1) << 20)));
        for (request, expected) in [
            (post("/mutate", large.clone()), 413),
            (post("/mutate", Body::from_stream(futures::stream::iter(chunked.collect::<Vec<_>>()))), 413),
            (post("/mutate", large.slice(..8 << 20)), 400),
            (post("/mutate", valid.slice(..valid.len() - 1)), 400),
        ] {
            assert_eq!(send(&state, request).await.0, expected);
        }
    };
    send_all().await;
    let before = resident_mib();
    for _ in 0..40 {
        send_all().await;
    }
    let after = resident_mib();
    assert!(after < before + 40, "{before} MiB before, {after} MiB after");
}
