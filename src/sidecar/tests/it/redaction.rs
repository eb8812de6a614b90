//! Services that echo the request in their errors: no secret of it may get into an error.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::error::Error;
use rolebridge_sidecar::google::{GoogleClient, TokenProvider};
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::sign::sign;
use rolebridge_sidecar::subject_token::SubjectToken;
use rstest::rstest;

use crate::fake_server::{CannedResponse, FakeServer};
use crate::support::{AUDIENCE, Environment, PROJECTED_TOKEN, SECRET_KEY};

const FEDERATED: &str = "ya29.d.b0Aaekm1LbG3marker/federated+Qm1";
/// A session token with characters that are percent-encoded or escaped.
const SESSION_TOKEN: &str =
    "IQoJb3JpZ2luX2VjEJr//////////wEaCXVzLXdlc3QtMiJHMEUCIQDqfT+9yZ1G8f3kmarkerSessionToken/B2w==";
/// {"exp":4102444800}
const WEB_TOKEN: &str = "eyJh.eyJleHAiOjQxMDI0NDQ4MDB9.marker-signature";
/// The length of the parts of a secret that must not be shown.
const PART: usize = 12;

/// Fails if the text contains a part of a secret.
fn assert_hidden(text: &str, secrets: &[&str]) {
    for secret in secrets {
        for part in secret.as_bytes().windows(PART) {
            let part = std::str::from_utf8(part).unwrap();
            assert!(!text.contains(part), "{part} of {secret} is shown: {text}");
        }
    }
}

/// Returns the signature in a text.
fn signature(text: &str) -> String {
    let (_, rest) = text.split_once("Signature=").unwrap();
    rest.chars().take_while(char::is_ascii_hexdigit).collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn xml(message: &str) -> CannedResponse {
    let body = include_str!("aws-errors/access-denied.xml");
    let (before, rest) = body.split_once("<Message>").unwrap();
    let (_, after) = rest.split_once("</Message>").unwrap();
    CannedResponse::error(403, &format!("{before}<Message>{message}</Message>{after}"))
}

/// Returns a client of a fake server, and the environment with its CA bundle.
fn google(server: &FakeServer) -> (GoogleClient, Environment) {
    let mut environment = Environment::new("https://sts.invalid");
    environment.trust(names::AWS_CA_BUNDLE, &server.ca);
    environment.set(names::STS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::SERVICE_ACCOUNT, "nightly-batch@shop.iam.gserviceaccount.com");
    (GoogleClient::new(&environment.settings(), AccountNumber::DEFAULT), environment)
}

async fn google_error(server: &FakeServer, call: &str) -> Error {
    let (google, _environment) = google(server);
    let (federated, scopes) = (Secret::new(FEDERATED), Scopes::cloud_platform());
    let result = match call {
        "exchange" => google.exchange(&signed(), &scopes).await.map(drop),
        "exchange-jwt" => google.exchange(&SubjectToken::new(WEB_TOKEN), &scopes).await.map(drop),
        "access" => google.access_token(&federated, &scopes).await.map(drop),
        _ => google.id_token(&federated, "https://a.example").await.map(drop),
    };
    result.unwrap_err()
}

fn signed() -> SubjectToken {
    let expires = Some(SystemTime::now() + Duration::from_hours(1));
    let credentials = Credentials::new("ASIAMARKER", SECRET_KEY, Some(SESSION_TOKEN.into()), expires, "test");
    sign(&credentials, AUDIENCE, "eu-west-1", SystemTime::UNIX_EPOCH).unwrap()
}

/// A body of Google STS and one of the APIs.
fn google_bodies(message: &str) -> [String; 2] {
    [
        serde_json::json!({"error": "invalid_request", "error_description": message}).to_string(),
        serde_json::json!({"error": {"status": "INVALID_ARGUMENT", "message": message}}).to_string(),
    ]
}

#[rstest]
#[case::exchange_of_a_web_token("exchange-jwt", 400)]
#[case::access_token("access", 403)]
#[case::id_token("id", 403)]
#[tokio::test]
async fn token_that_google_echoes_is_not_in_the_error(
    #[case] call: &str,
    #[case] status: u16,
    #[values("{request}", "{decoded}")] echo: &str,
) {
    for body in google_bodies(echo) {
        let server = FakeServer::tls(CannedResponse::error(status, &body)).await;
        let error = google_error(&server, call).await.to_string();
        assert_hidden(&error, &[FEDERATED, WEB_TOKEN]);
        assert!(error.contains('…'), "{error}");
    }
}

#[tokio::test]
async fn signed_request_that_google_quotes_is_not_in_the_error() {
    let token = signed().expose().to_owned();
    let signature = signature(&decoded(&token));
    assert_eq!(signature.len(), 64);
    for secret in [&*signature, SESSION_TOKEN] {
        for quoted in [secret.to_owned(), encoded(secret), encoded(&encoded(secret)), secret[..20].to_owned()]
        {
            for body in
                google_bodies(&format!("Invalid: {quoted}; see https://iam.googleapis.com/projects/1"))
            {
                let server = FakeServer::tls(CannedResponse::error(400, &body)).await;
                let error = google_error(&server, "exchange").await.to_string();
                assert_hidden(&error, &[secret, &encoded(secret)]);
                assert!(error.contains("Invalid: …; see https://iam.googleapis.com/projects/1"), "{error}");
            }
        }
    }
}

#[rstest]
#[tokio::test]
async fn token_that_aws_echoes_is_not_in_the_error(#[values("{request}", "{decoded}")] echo: &str) {
    let aws = FakeServer::plain(xml(echo)).await;
    let error = Environment::new(&format!("http://{}", aws.address)).request_session().await.unwrap_err();
    assert_hidden(&error.to_string(), &[PROJECTED_TOKEN]);
    assert!(error.to_string().contains("WebIdentityToken=…"), "the rest is shown: {error}");
}

#[tokio::test]
async fn session_that_aws_echoes_is_not_in_the_error() {
    let aws = FakeServer::with_responses(vec![CannedResponse::success(), xml("{request}")]).await;
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment.set(names::IDENTITY, "aws-jwt");
    let error = environment.provide(Clock::system()).await.unwrap_err();
    let signature = signature(&aws.requests.lock().unwrap()[1]);
    assert_eq!(signature.len(), 64);
    assert_hidden(&error.to_string(), &[crate::support::SESSION_TOKEN, &signature]);
    assert!(error.to_string().contains("x-amz-security-token: …"), "the rest is shown: {error}");
}

#[tokio::test]
async fn authorization_that_the_pod_identity_agent_echoes_is_not_in_the_error() {
    let agent = FakeServer::plain(CannedResponse::error(400, "not valid: {request}")).await;
    let mut environment = Environment::new("");
    let file = environment.folder.path().join("web-identity").display().to_string();
    environment.set(names::AWS_CREDENTIALS, "pod-identity");
    environment
        .set(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, format!("http://{}/v1/credentials", agent.address));
    environment.set(names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, file);
    let error = environment.provide(Clock::system()).await.unwrap_err();
    assert_hidden(&error.to_string(), &[PROJECTED_TOKEN]);
    assert!(error.to_string().contains('…'), "{error}");
}
