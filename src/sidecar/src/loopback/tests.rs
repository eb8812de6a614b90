use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use rolebridge_core::imds::{MARKER_VALUE, SESSION_TOKEN_HEADER, SESSION_TTL_HEADER};
use rstest::rstest;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::board::{Board, Signed, Writer};
use crate::credentials::Session;
use crate::fault::{Fault, Reason};
use crate::local;
use crate::metrics::Metrics;
use crate::schedule::Life;
use crate::sign::sign;

const AUDIENCE: &str = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/a";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/batch";
const MARKER: (&str, &str) = (MARKER_HEADER, MARKER_VALUE);

/// 2026-03-02T00:00:00Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(492_336)
}

struct Fixture {
    router: Router,
    board: Writer,
    metrics: Arc<Metrics>,
}

/// A server that has nothing yet.
fn empty() -> Fixture {
    let role = RoleArn::parse("arn:aws:iam::123456789012:role/batch").unwrap().into_owned();
    let (board, reader) = Board::channel();
    let metrics = Arc::new(Metrics::default());
    let server = Loopback::new("eu-west-1", &role, reader, Clock::from_fn(now)).unwrap();
    Fixture { router: local::router(server.routes(), 15080, Arc::clone(&metrics)), board, metrics }
}

fn session(expires: SystemTime) -> Session {
    let credentials = Credentials::new("ASIA", "key", Some("session".into()), Some(expires), "test");
    Session { credentials, life: Life { obtained: now(), expires } }
}

/// One that has all.
fn full() -> Fixture {
    let fixture = empty();
    let session = session(now() + Duration::from_hours(1));
    let token = sign(&session.credentials, AUDIENCE, "eu-west-1", now()).unwrap();
    let token = Some(Signed { token, at: now(), good_until: now() + Duration::from_mins(5) });
    fixture.board.send_replace(Board { session: Some(session), token, fault: None });
    fixture
}

impl Fixture {
    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "127.0.0.1:15080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn session_token(&self) -> String {
        let (status, token) = self.ask("PUT", SESSION_TOKEN_PATH, &[(SESSION_TTL_HEADER, "60")]).await;
        assert_eq!(status, StatusCode::OK);
        token
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let token = self.session_token().await;
        self.ask("GET", path, &[(SESSION_TOKEN_HEADER, &token)]).await
    }
}

#[tokio::test]
async fn the_shapes_of_ec2() {
    let fixture = full();
    assert_eq!(fixture.get(REGION_PATH).await, (StatusCode::OK, "eu-west-1a".into()), "no newline");
    assert_eq!(fixture.get(CREDENTIALS_PATH).await, (StatusCode::OK, "batch".into()));
    assert_eq!(fixture.get(&format!("{CREDENTIALS_PATH}/")).await, (StatusCode::OK, "batch".into()));
    let (status, document) = fixture.get(CREDENTIALS).await;
    assert_eq!(status, StatusCode::OK);
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "Code": "Success",
            "LastUpdated": "2026-03-02T00:00:00Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": "ASIA",
            "SecretAccessKey": "key",
            "Token": "session",
            "Expiration": "2026-03-02T01:00:00Z",
        })
    );
}

#[tokio::test]
async fn the_marker_header_gets_the_subject_token_and_nothing_else() {
    let fixture = full();
    let (status, token) = fixture.ask("GET", CREDENTIALS_PATH, &[MARKER]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(token.starts_with("%7B%22headers%22"), "{token}");
    for path in [CREDENTIALS, REGION_PATH] {
        assert_eq!(fixture.ask("GET", path, &[MARKER]).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    for value in ["", "aws4", "AWS4_REQUEST", "aws4_request "] {
        let (status, body) = fixture.ask("GET", CREDENTIALS_PATH, &[(MARKER_HEADER, value)]).await;
        assert!(status == StatusCode::FORBIDDEN && !body.contains("%7B"), "{value:?}: {status}");
    }
}

#[rstest]
#[case::region(REGION_PATH)]
#[case::role(CREDENTIALS_PATH)]
#[case::credentials(CREDENTIALS)]
#[tokio::test]
async fn without_a_session_token_there_is_nothing(#[case] path: &str) {
    let fixture = full();
    let others = empty().session_token().await;
    for headers in [&[][..], &[(SESSION_TOKEN_HEADER, "guess")], &[(SESSION_TOKEN_HEADER, others.as_str())]] {
        assert_eq!(fixture.ask("GET", path, headers).await.0, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_token_ends() {
    let fixture = full();
    let token = fixture.session_token().await;
    let headers = [(SESSION_TOKEN_HEADER, token.as_str())];
    assert_eq!(fixture.ask("GET", CREDENTIALS, &headers).await.0, StatusCode::OK);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(fixture.ask("GET", CREDENTIALS, &headers).await.0, StatusCode::UNAUTHORIZED);
}

#[rstest]
#[case(Some("1"), StatusCode::OK)]
#[case(Some("21600"), StatusCode::OK)]
#[case(Some("0"), StatusCode::BAD_REQUEST)]
#[case(Some("21601"), StatusCode::BAD_REQUEST)]
#[case(Some("-1"), StatusCode::BAD_REQUEST)]
#[case(Some("1h"), StatusCode::BAD_REQUEST)]
#[case(Some(""), StatusCode::BAD_REQUEST)]
#[case(None, StatusCode::BAD_REQUEST)]
#[tokio::test]
async fn how_long_a_session_token_may_last(#[case] seconds: Option<&str>, #[case] wanted: StatusCode) {
    let headers: Vec<_> = seconds.map(|seconds| (SESSION_TTL_HEADER, seconds)).into_iter().collect();
    assert_eq!(full().ask("PUT", SESSION_TOKEN_PATH, &headers).await.0, wanted);
}

/// With a good session token and with the marker, so that nothing else can be why.
#[rstest]
#[case::another_host("host", "169.254.169.254", StatusCode::FORBIDDEN)]
#[case::a_host_that_was_rebound("host", "evil.example:15080", StatusCode::FORBIDDEN)]
#[case::no_port("host", "127.0.0.1", StatusCode::FORBIDDEN)]
#[case::another_port("host", "127.0.0.1:80", StatusCode::FORBIDDEN)]
#[case::forwarded("x-forwarded-for", "10.0.0.1", StatusCode::FORBIDDEN)]
#[case::forwarded_by_rfc("forwarded", "for=10.0.0.1", StatusCode::FORBIDDEN)]
#[case::via("via", "1.1 proxy.example", StatusCode::FORBIDDEN)]
#[case::origin("origin", "https://evil.example", StatusCode::FORBIDDEN)]
#[case::fetch_site("sec-fetch-site", "same-origin", StatusCode::FORBIDDEN)]
#[case::fetch_mode("sec-fetch-mode", "cors", StatusCode::FORBIDDEN)]
#[case::fetch_something_new("sec-fetch-storage-access", "none", StatusCode::FORBIDDEN)]
#[tokio::test]
async fn what_looks_like_a_browser_or_a_proxy_is_refused(
    #[case] name: &str,
    #[case] value: &str,
    #[case] wanted: StatusCode,
) {
    let fixture = full();
    let token = fixture.session_token().await;
    let with = |more: (&'static str, &str)| {
        [(name.to_owned(), value.to_owned()), (more.0.to_owned(), more.1.to_owned())]
    };
    for (method, path, headers) in [
        ("GET", CREDENTIALS, with((SESSION_TOKEN_HEADER, &token))),
        ("GET", CREDENTIALS_PATH, with(MARKER)),
        ("PUT", SESSION_TOKEN_PATH, with((SESSION_TTL_HEADER, "60"))),
        ("GET", "/", with((SESSION_TOKEN_HEADER, &token))),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(fixture.ask(method, path, &headers).await.0, wanted, "{method} {path}");
    }
}

#[tokio::test]
async fn localhost_is_a_name_of_ours() {
    let fixture = full();
    let headers = [("host", "localhost:15080"), MARKER];
    assert_eq!(fixture.ask("GET", CREDENTIALS_PATH, &headers).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_host_is_named_once() {
    let fixture = full();
    let twice = [("host", "127.0.0.1:15080"), ("host", "evil.example"), MARKER];
    assert_eq!(fixture.ask("GET", CREDENTIALS_PATH, &twice).await.0, StatusCode::FORBIDDEN);
    let absolute = format!("http://evil.example{CREDENTIALS_PATH}");
    assert_eq!(fixture.ask("GET", &absolute, &[MARKER]).await.0, StatusCode::FORBIDDEN);
    let request = Request::get(CREDENTIALS_PATH).header(MARKER.0, MARKER.1).body(Body::empty()).unwrap();
    assert_eq!(
        fixture.router.oneshot(request).await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "no host at all"
    );
}

#[tokio::test]
async fn a_path_has_one_method() {
    let fixture = full();
    let token = fixture.session_token().await;
    let headers = [(SESSION_TOKEN_HEADER, token.as_str()), (SESSION_TTL_HEADER, "60"), MARKER];
    for (path, allowed) in
        [(SESSION_TOKEN_PATH, "PUT"), (REGION_PATH, "GET"), (CREDENTIALS_PATH, "GET"), (CREDENTIALS, "GET")]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"] {
            let wanted = if method == allowed { StatusCode::OK } else { StatusCode::METHOD_NOT_ALLOWED };
            let (status, body) = fixture.ask(method, path, &headers).await;
            assert_eq!(status, wanted, "{method} {path}: {body}");
        }
    }
}

#[rstest]
#[case("/")]
#[case("/latest")]
#[case("/latest/meta-data/")]
#[case("/latest/user-data")]
#[case("/latest/meta-data/iam/security-credentials/another")]
#[case("/latest/meta-data/iam/security-credentials/batch/more")]
#[tokio::test]
async fn there_is_nothing_else(#[case] path: &str) {
    assert_eq!(full().get(path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn until_it_has_credentials_it_says_why() {
    let fixture = empty();
    let not_yet = "no token yet: there has been no answer so far";
    for path in [CREDENTIALS_PATH, CREDENTIALS] {
        assert_eq!(fixture.get(path).await, (StatusCode::SERVICE_UNAVAILABLE, not_yet.into()), "{path}");
    }
    let fault = Fault::new(Reason::AccessDenied, "said no");
    fixture.board.send_modify(|board| board.fault = Some(fault.clone()));
    let (status, why) = fixture.ask("GET", CREDENTIALS_PATH, &[MARKER]).await;
    assert_eq!((status, why), (StatusCode::SERVICE_UNAVAILABLE, fault.to_string()));
    assert_eq!(fixture.get(REGION_PATH).await.0, StatusCode::OK, "the region is known from the start");
}

#[tokio::test]
async fn what_has_expired_is_not_given_out() {
    let fixture = full();
    fixture.board.send_modify(|board| {
        board.session = Some(session(now()));
        board.token.as_mut().unwrap().good_until = now();
    });
    for path in [CREDENTIALS_PATH, CREDENTIALS] {
        assert_eq!(fixture.get(path).await.0, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(fixture.ask("GET", CREDENTIALS_PATH, &[MARKER]).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn every_request_is_counted() {
    let fixture = full();
    fixture.get(CREDENTIALS).await;
    fixture.ask("GET", CREDENTIALS_PATH, &[MARKER]).await;
    fixture.ask("GET", CREDENTIALS_PATH, &[("origin", "https://evil.example")]).await;
    let text = fixture.metrics.render(&Board::default(), &Clock::system());
    let counted: Vec<_> =
        text.lines().filter(|line| line.contains("question=") && !line.ends_with(" 0")).collect();
    assert_eq!(
        counted,
        [
            r#"rolebridge_sidecar_loopback_requests_total{question="session-token",answer="answered"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="role",answer="refused"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="credentials",answer="answered"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{question="subject-token",answer="answered"} 1"#,
        ]
    );
}
