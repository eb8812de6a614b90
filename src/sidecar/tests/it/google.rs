//! The real client of Google STS and the IAM Credentials API, with TLS: its requests, and its errors for their responses.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use percent_encoding::percent_decode_str;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::AWS4_REQUEST;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_sidecar::error::{Error, ErrorKind};
use rolebridge_sidecar::google::{GoogleClient, Token, TokenProvider};
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::sign::sign;
use rolebridge_sidecar::subject_token::SubjectToken;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::fake_server::{CannedResponse, FakeServer};
use crate::support::{AUDIENCE, Environment, SECRET_KEY, SESSION_TOKEN};

const EMAIL: &str = "nightly-batch@shop.iam.gserviceaccount.com";

/// Returns a client of a fake server with additional variables, and the environment with the CA bundle.
fn google(server: &FakeServer, more: &[(&'static str, &str)]) -> (GoogleClient, Environment) {
    let mut environment = Environment::new("https://sts.invalid");
    environment.trust(names::AWS_CA_BUNDLE, &server.ca);
    environment.set(names::STS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::SERVICE_ACCOUNT, EMAIL);
    for (name, value) in more {
        environment.set(name, *value);
    }
    let settings = environment.settings();
    (GoogleClient::new(&settings, AccountNumber::DEFAULT), environment)
}

fn subject() -> SubjectToken {
    let credentials = Credentials::new("ASIAMARKER", SECRET_KEY, Some(SESSION_TOKEN.into()), None, "test");
    sign(&credentials, AUDIENCE, "eu-west-1", SystemTime::UNIX_EPOCH).unwrap()
}

fn federated() -> CannedResponse {
    CannedResponse::json(&json!({
        "access_token": "ya29.d.federated",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 3599,
    }))
}

fn request(server: &FakeServer) -> (String, String) {
    let request = server.requests.lock().unwrap().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn exchange_sends_the_documented_form() {
    let sts = FakeServer::tls(federated()).await;
    let scopes = Scopes::parse("https://a,https://b").unwrap();
    let (google, _roots) = google(&sts, &[]);
    let token = google.exchange(&subject(), &scopes).await.unwrap();
    assert_eq!(token.secret.expose(), "ya29.d.federated");
    assert_eq!(token.expires_in, Duration::from_secs(3599));
    let (head, form) = request(&sts);
    assert!(head.starts_with("POST /v1/token HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(head.contains("user-agent: rolebridge/"), "{head}");
    assert!(!head.contains("authorization:"), "the subject token authenticates it");
    let fields: Vec<_> = form
        .split('&')
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name, percent_decode_str(value).decode_utf8().unwrap().into_owned())
        })
        .collect();
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", AUDIENCE),
        ("scope", "https://a https://b"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", AWS4_REQUEST),
        ("subject_token", subject().expose()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(fields, expected);
}

/// A token's lifetime is computed by Google's clock, not the node's.
#[tokio::test]
async fn access_token_is_requested_with_the_chain_of_delegates() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_hours(492_336);
    let response =
        CannedResponse::json(&json!({"accessToken": "ya29.c.batch", "expireTime": "2026-03-02T00:30:00Z"}));
    let iam = FakeServer::tls(CannedResponse { date, ..response }).await;
    let (google, _roots) = google(
        &iam,
        &[
            (names::DELEGATES, "delegate@shop.iam.gserviceaccount.com"),
            (names::TOKEN_LIFETIME, "1800"),
            (names::QUOTA_PROJECT, "payer-project"),
        ],
    );
    let scopes = Scopes::parse("https://a").unwrap();
    let token = google.access_token(&Secret::new("ya29.d.federated"), &scopes).await.unwrap();
    assert_eq!((token.secret.expose(), token.expires_in), ("ya29.c.batch", Duration::from_mins(30)));
    let (head, body) = request(&iam);
    let line = format!("POST /v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken HTTP/1.1\r\n");
    assert!(head.starts_with(&line), "{head}");
    assert!(head.contains("authorization: Bearer ya29.d.federated"), "{head}");
    assert!(head.contains("x-goog-user-project: payer-project"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({
            "delegates": ["projects/-/serviceAccounts/delegate@shop.iam.gserviceaccount.com"],
            "scope": ["https://a"],
            "lifetime": "1800s",
        })
    );
}

#[tokio::test]
async fn id_token_is_requested_with_its_audience() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_hours(492_335);
    // {"exp":1772409600}
    let text = "eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln";
    let iam = FakeServer::tls(CannedResponse { date, ..CannedResponse::json(&json!({"token": text})) }).await;
    let (google, _roots) = google(&iam, &[]);
    let token = google.id_token(&Secret::new("federated"), "https://a.example").await.unwrap();
    assert_eq!((token.secret.expose(), token.expires_in), (text, Duration::from_hours(1)));
    let (head, body) = request(&iam);
    assert!(head.contains(&format!("{EMAIL}:generateIdToken ")), "{head}");
    assert!(!head.contains("x-goog-user-project"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"delegates": [], "audience": "https://a.example", "includeEmail": true})
    );
}

/// Sends an exchange if `service` is `sts`, else an impersonation, and returns the result.
async fn result_of(service: &str, response: CannedResponse) -> Result<Token, Error> {
    let server = FakeServer::tls(response).await;
    let (google, _roots) = google(&server, &[]);
    let scopes = Scopes::cloud_platform();
    match service {
        "sts" => google.exchange(&subject(), &scopes).await,
        _ => google.access_token(&Secret::new("federated"), &scopes).await,
    }
}

#[rstest]
#[case("sts-attribute-condition", 400, ErrorKind::ConditionRejected, true)]
#[case("sts-subject-too-long", 400, ErrorKind::SubjectTooLong, true)]
#[case("sts-no-provider", 400, ErrorKind::NoProvider, true)]
#[case("sts-invalid-audience", 400, ErrorKind::NoProvider, true)]
#[case("sts-aws-rejected", 400, ErrorKind::SubjectRejected, true)]
#[case("sts-aws-unavailable", 400, ErrorKind::SubjectUnverified, false)]
#[case("sts-quota", 429, ErrorKind::Throttled, false)]
#[case("sts-disabled", 403, ErrorKind::ApiDisabled, true)]
#[case("iam-denied", 403, ErrorKind::ImpersonationDenied, true)]
#[case("iam-not-found", 404, ErrorKind::ImpersonationDenied, true)]
#[case("iam-lifetime", 400, ErrorKind::LifetimeRejected, true)]
#[case("iam-unauthenticated", 401, ErrorKind::FederatedRejected, false)]
#[case("iam-unavailable", 503, ErrorKind::ServerError, false)]
#[tokio::test]
async fn error_response_is_reported_with_google_s_text(
    #[case] name: &str,
    #[case] status: u16,
    #[case] kind: ErrorKind,
    #[case] permanent: bool,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/google-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    let document: Value = serde_json::from_str(&body).unwrap();
    let message = document.pointer("/error/message").unwrap_or(&document["error_description"]);
    let (service, _) = name.split_once('-').unwrap();
    let error = result_of(service, CannedResponse::error(status, &body)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (kind, permanent), "{error}");
    let (prefix, subject) =
        if service == "sts" { ("Google STS: ", AUDIENCE) } else { ("IAM Credentials: ", EMAIL) };
    let text = error.to_string();
    assert!(text.starts_with(prefix), "{text}");
    let message: String = message.as_str().unwrap().chars().take(150).collect();
    for part in [kind.message(), kind.remediation(), subject, &status.to_string(), &message] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}

#[test]
fn every_body_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/google-errors");
    let table = include_str!("google.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(table.contains(&format!("#[case(\"{name}\"")), "{name}");
    }
}

#[rstest]
#[case::proxy("sts", 403, "<html>Blocked by policy</html>", ErrorKind::UnexpectedResponse)]
#[case::gateway("iam", 502, "<html>Bad gateway</html>", ErrorKind::ServerError)]
#[case::captive_portal("sts", 200, "<html>Please sign in</html>", ErrorKind::UnexpectedResponse)]
#[case::no_token("iam", 200, "{}", ErrorKind::UnexpectedResponse)]
#[case::expired_token(
    "iam",
    200,
    r#"{"accessToken":"a","expireTime":"2014-10-02T15:01:23Z"}"#,
    ErrorKind::UnexpectedResponse
)]
#[case::no_lifetime("sts", 200, r#"{"access_token":"a","expires_in":0}"#, ErrorKind::UnexpectedResponse)]
#[tokio::test]
async fn response_of_another_server_is_unexpected(
    #[case] service: &str,
    #[case] status: u16,
    #[case] body: &str,
    #[case] kind: ErrorKind,
) {
    let error = result_of(service, CannedResponse::error(status, body)).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!error.is_permanent());
}

/// Google leaves the lifetime out if the subject token is about to expire.
#[tokio::test]
async fn token_without_a_lifetime_is_about_to_expire() {
    for body in [r#"{"access_token":"a"}"#, r#"{"access_token":"a","expires_in":null}"#] {
        let token = result_of("sts", CannedResponse::error(200, body)).await.unwrap();
        assert_eq!((token.secret.expose(), token.expires_in), ("a", Duration::from_secs(1)));
    }
}

#[tokio::test]
async fn oversized_response_is_not_read() {
    let body = format!("{{\"access_token\":\"{}\"}}", "x".repeat(100_000));
    let error = result_of("sts", CannedResponse::error(200, &body)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
}

#[tokio::test]
async fn connection_error_names_the_google_service() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("https://{address}"));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, "https://iam.nowhere.invalid");
    environment.set(names::SERVICE_ACCOUNT, EMAIL);
    let settings = environment.settings();
    let google = GoogleClient::new(&settings, AccountNumber::DEFAULT);
    let scopes = Scopes::cloud_platform();
    let error = google.exchange(&subject(), &scopes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().starts_with("connection to Google STS: "), "{error}");
    let error = google.access_token(&Secret::new("federated"), &scopes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns);
    assert!(error.to_string().starts_with("connection to IAM Credentials: "), "{error}");
}

#[tokio::test]
async fn untrusted_google_server_gets_no_token() {
    let sts = FakeServer::tls(federated()).await;
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("https://{}", sts.address));
    let settings = environment.settings();
    let google = GoogleClient::new(&settings, AccountNumber::DEFAULT);
    let error = google.exchange(&subject(), &Scopes::cloud_platform()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    assert_eq!(sts.request_count(), 0, "the subject token is not sent to an untrusted server");
}

/// Paused time advances while the runtime is idle, so this test does not wait.
#[tokio::test(start_paused = true)]
async fn request_without_a_response_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("http://{}", listener.local_addr().unwrap()));
    let settings = environment.settings();
    let google = GoogleClient::new(&settings, AccountNumber::DEFAULT);
    let error = google.exchange(&subject(), &Scopes::cloud_platform()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

/// The connector's read timeout ends with the first byte of the response, so only the call's deadline remains.
#[tokio::test(start_paused = true)]
async fn slow_response_times_out_at_the_call_deadline() {
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("http://{}", FakeServer::slow_body().await));
    let settings = environment.settings();
    let google = GoogleClient::new(&settings, AccountNumber::DEFAULT);
    let start = Instant::now();
    let error = google.exchange(&subject(), &Scopes::cloud_platform()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(start.elapsed().as_secs(), 15);
}
