use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use rolebridge_core::aws::RoleArn;
use rolebridge_core::imds::{MARKER_VALUE, SESSION_TOKEN_HEADER, SESSION_TTL_HEADER};
use rstest::rstest;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::aws::sts::Session;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind};
use crate::metrics::Metrics;
use crate::schedule::Lifetime;
use crate::server;
use crate::shared_state::{SharedState, SignedToken, Writer};
use crate::sign::sign;

const AUDIENCE: &str =
    "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/prod";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/batch";
const MARKER: (&str, &str) = (MARKER_HEADER, MARKER_VALUE);

/// 2026-03-02T00:00:00Z.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(492_336)
}

struct Fixture {
    router: Router,
    state: Writer,
    metrics: Arc<Metrics>,
}

/// Returns a server without a session and a token.
fn empty() -> Fixture {
    let role = RoleArn::parse("arn:aws:iam::123456789012:role/batch").unwrap().into_owned();
    let (state, reader) = SharedState::channel();
    let metrics = Arc::new(Metrics::default());
    let server = ImdsServer::new("eu-west-1", &role, reader, Clock::from_fn(now)).unwrap();
    Fixture { router: server::router(server.routes(), 15080, Arc::clone(&metrics)), state, metrics }
}

fn session(expires: SystemTime) -> Session {
    let credentials = Credentials::new("ASIA", "key", Some("session".into()), Some(expires), "test");
    Session { credentials, lifetime: Lifetime { obtained: now(), expires } }
}

/// Returns a server with a session and a token.
fn with_session() -> Fixture {
    let fixture = empty();
    let session = session(now() + Duration::from_hours(1));
    let token = sign(&session.credentials, AUDIENCE, "eu-west-1", now()).unwrap();
    let token = Some(SignedToken { token, signed_at: now(), valid_until: now() + Duration::from_mins(5) });
    fixture.state.send_replace(SharedState { session: Some(session), token, error: None });
    fixture
}

impl Fixture {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
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
        let (status, token) = self.send("PUT", SESSION_TOKEN_PATH, &[(SESSION_TTL_HEADER, "60")]).await;
        assert_eq!(status, StatusCode::OK);
        token
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let token = self.session_token().await;
        self.send("GET", path, &[(SESSION_TOKEN_HEADER, &token)]).await
    }
}

#[tokio::test]
async fn responses_have_the_form_of_ec2() {
    let fixture = with_session();
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
async fn marker_header_returns_the_subject_token_only() {
    let fixture = with_session();
    let (status, token) = fixture.send("GET", CREDENTIALS_PATH, &[MARKER]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(token.starts_with("%7B%22headers%22"), "{token}");
    for path in [CREDENTIALS, REGION_PATH] {
        assert_eq!(fixture.send("GET", path, &[MARKER]).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
    for value in ["", "aws4", "AWS4_REQUEST", "aws4_request "] {
        let (status, body) = fixture.send("GET", CREDENTIALS_PATH, &[(MARKER_HEADER, value)]).await;
        assert!(status == StatusCode::FORBIDDEN && !body.contains("%7B"), "{value:?}: {status}");
    }
}

#[rstest]
#[case::region(REGION_PATH)]
#[case::role(CREDENTIALS_PATH)]
#[case::credentials(CREDENTIALS)]
#[tokio::test]
async fn request_without_a_session_token_is_rejected(#[case] path: &str) {
    let fixture = with_session();
    let foreign = empty().session_token().await;
    for headers in [&[][..], &[(SESSION_TOKEN_HEADER, "guess")], &[(SESSION_TOKEN_HEADER, foreign.as_str())]]
    {
        assert_eq!(fixture.send("GET", path, headers).await.0, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn expired_session_token_is_rejected() {
    let fixture = with_session();
    let token = fixture.session_token().await;
    let headers = [(SESSION_TOKEN_HEADER, token.as_str())];
    assert_eq!(fixture.send("GET", CREDENTIALS, &headers).await.0, StatusCode::OK);
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(fixture.send("GET", CREDENTIALS, &headers).await.0, StatusCode::UNAUTHORIZED);
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
async fn session_token_ttl_is_limited(#[case] seconds: Option<&str>, #[case] expected: StatusCode) {
    let headers: Vec<_> = seconds.map(|seconds| (SESSION_TTL_HEADER, seconds)).into_iter().collect();
    assert_eq!(with_session().send("PUT", SESSION_TOKEN_PATH, &headers).await.0, expected);
}

/// The requests have a valid session token or the marker, so that only the guard rejects them.
#[rstest]
#[case::other_host("host", "169.254.169.254", StatusCode::FORBIDDEN)]
#[case::dns_rebinding("host", "evil.example:15080", StatusCode::FORBIDDEN)]
#[case::no_port("host", "127.0.0.1", StatusCode::FORBIDDEN)]
#[case::other_port("host", "127.0.0.1:80", StatusCode::FORBIDDEN)]
#[case::forwarded("x-forwarded-for", "10.0.0.1", StatusCode::FORBIDDEN)]
#[case::forwarded_by_rfc("forwarded", "for=10.0.0.1", StatusCode::FORBIDDEN)]
#[case::via("via", "1.1 proxy.example", StatusCode::FORBIDDEN)]
#[case::origin("origin", "https://evil.example", StatusCode::FORBIDDEN)]
#[case::fetch_site("sec-fetch-site", "same-origin", StatusCode::FORBIDDEN)]
#[case::fetch_mode("sec-fetch-mode", "navigate", StatusCode::FORBIDDEN)]
#[case::fetch_future_header("sec-fetch-storage-access", "none", StatusCode::FORBIDDEN)]
#[tokio::test]
async fn request_from_a_browser_or_a_proxy_is_rejected(
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: StatusCode,
) {
    let fixture = with_session();
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
        assert_eq!(fixture.send(method, path, &headers).await.0, expected, "{method} {path}");
    }
}

/// The headers of Node's own `fetch`.
#[tokio::test]
async fn node_fetch_is_accepted() {
    let fixture = with_session();
    let token = fixture.session_token().await;
    let fetch = [("accept-language", "*"), ("sec-fetch-mode", "cors"), ("user-agent", "node")];
    for (method, path, header) in [
        ("PUT", SESSION_TOKEN_PATH, (SESSION_TTL_HEADER, "60")),
        ("GET", CREDENTIALS, (SESSION_TOKEN_HEADER, token.as_str())),
        ("GET", CREDENTIALS_PATH, MARKER),
    ] {
        let headers = [&fetch[..], &[header]].concat();
        assert_eq!(fixture.send(method, path, &headers).await.0, StatusCode::OK, "{method} {path}");
        assert_ne!(
            fixture.send(method, path, &fetch).await.0,
            StatusCode::OK,
            "{method} {path} without {header:?}"
        );
    }
}

#[tokio::test]
async fn localhost_is_accepted_as_host() {
    let fixture = with_session();
    let headers = [("host", "localhost:15080"), MARKER];
    assert_eq!(fixture.send("GET", CREDENTIALS_PATH, &headers).await.0, StatusCode::OK);
}

#[tokio::test]
async fn ambiguous_or_missing_host_is_rejected() {
    let fixture = with_session();
    let twice = [("host", "127.0.0.1:15080"), ("host", "evil.example"), MARKER];
    assert_eq!(fixture.send("GET", CREDENTIALS_PATH, &twice).await.0, StatusCode::FORBIDDEN);
    let absolute = format!("http://evil.example{CREDENTIALS_PATH}");
    assert_eq!(fixture.send("GET", &absolute, &[MARKER]).await.0, StatusCode::FORBIDDEN);
    let request = Request::get(CREDENTIALS_PATH).header(MARKER.0, MARKER.1).body(Body::empty()).unwrap();
    assert_eq!(
        fixture.router.oneshot(request).await.unwrap().status(),
        StatusCode::FORBIDDEN,
        "no host at all"
    );
}

#[tokio::test]
async fn other_methods_are_rejected() {
    let fixture = with_session();
    let token = fixture.session_token().await;
    let headers = [(SESSION_TOKEN_HEADER, token.as_str()), (SESSION_TTL_HEADER, "60"), MARKER];
    for (path, allowed) in
        [(SESSION_TOKEN_PATH, "PUT"), (REGION_PATH, "GET"), (CREDENTIALS_PATH, "GET"), (CREDENTIALS, "GET")]
    {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"] {
            let expected = if method == allowed { StatusCode::OK } else { StatusCode::METHOD_NOT_ALLOWED };
            let (status, body) = fixture.send(method, path, &headers).await;
            assert_eq!(status, expected, "{method} {path}: {body}");
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
async fn unknown_path_is_not_found(#[case] path: &str) {
    assert_eq!(with_session().get(path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn missing_credentials_are_returned_with_the_reason() {
    let fixture = empty();
    let not_yet = "no token yet: waiting for the first response";
    for path in [CREDENTIALS_PATH, CREDENTIALS] {
        assert_eq!(fixture.get(path).await, (StatusCode::SERVICE_UNAVAILABLE, not_yet.into()), "{path}");
    }
    let error = Error::new(ErrorKind::AccessDenied, "no");
    fixture.state.send_modify(|state| state.error = Some(error.clone()));
    let (status, reason) = fixture.send("GET", CREDENTIALS_PATH, &[MARKER]).await;
    assert_eq!((status, reason), (StatusCode::SERVICE_UNAVAILABLE, error.to_string()));
    assert_eq!(fixture.get(REGION_PATH).await.0, StatusCode::OK, "the region is known from the start");
}

#[tokio::test]
async fn expired_session_and_token_are_not_returned() {
    let fixture = with_session();
    fixture.state.send_modify(|state| {
        state.session = Some(session(now()));
        state.token.as_mut().unwrap().valid_until = now();
    });
    for path in [CREDENTIALS_PATH, CREDENTIALS] {
        assert_eq!(fixture.get(path).await.0, StatusCode::SERVICE_UNAVAILABLE, "{path}");
    }
    assert_eq!(fixture.send("GET", CREDENTIALS_PATH, &[MARKER]).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn each_request_is_counted_by_endpoint_and_result() {
    let fixture = with_session();
    fixture.get(CREDENTIALS).await;
    fixture.send("GET", CREDENTIALS_PATH, &[MARKER]).await;
    fixture.send("GET", CREDENTIALS_PATH, &[("origin", "https://evil.example")]).await;
    let text = fixture.metrics.render(&SharedState::default(), &Clock::system());
    let counted: Vec<_> =
        text.lines().filter(|line| line.contains("endpoint=") && !line.ends_with(" 0")).collect();
    assert_eq!(
        counted,
        [
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="session-token",result="ok"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="role",result="rejected"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="credentials",result="ok"} 1"#,
            r#"rolebridge_sidecar_loopback_requests_total{endpoint="subject-token",result="ok"} 1"#,
        ]
    );
}
