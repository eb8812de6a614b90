//! Each identity with the real clients: the requests, and the results.

use std::path::Path;
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rolebridge_core::aws::GET_WEB_IDENTITY_TOKEN_SESSION_POLICY;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::credential::{Credential, Target};
use rolebridge_sidecar::error::{Error, ErrorKind};
use rstest::rstest;
use serde_json::json;

use crate::fake_server::{CannedResponse, FakeServer};
use crate::support::{AUDIENCE, Environment, PROJECTED_TOKEN, SECRET_KEY, SESSION_TOKEN, signed_at};

const WEB_TOKEN: &str = "eyJh.bWFya2VyLXdlYi10b2tlbg.c2ln";

fn field(form: &str, name: &str) -> String {
    let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    percent_decode_str(&value.unwrap().replace('+', " ")).decode_utf8().unwrap().into_owned()
}

fn web_token(aws: &FakeServer) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment.set(names::IDENTITY, "aws-jwt");
    environment
}

#[tokio::test]
async fn web_token_is_requested_by_a_session_without_other_permissions() {
    let aws =
        FakeServer::with_responses(vec![CannedResponse::success(), CannedResponse::web_token(WEB_TOKEN)])
            .await;
    let environment = web_token(&aws);
    let credential = environment.provide(Clock::system()).await.unwrap();
    let target = Target::new(&environment.settings().identity);
    assert_eq!(credential.subject_token(&target, SystemTime::now()).unwrap().expose(), WEB_TOKEN);
    let left = credential.lifetime().expires.duration_since(credential.lifetime().obtained).unwrap();
    assert!(left > Duration::from_mins(59), "{left:?}");
    let requests = aws.requests.lock().unwrap();
    let (_, assume) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(field(assume, "Policy"), GET_WEB_IDENTITY_TOKEN_SESSION_POLICY);
    let (head, form) = requests[1].split_once("\r\n\r\n").unwrap();
    assert_eq!(field(form, "Action"), "GetWebIdentityToken");
    assert_eq!(field(form, "Audience.member.1"), format!("https:{AUDIENCE}"));
    assert_eq!(field(form, "SigningAlgorithm"), "RS256");
    let seconds: u32 = field(form, "DurationSeconds").parse().unwrap();
    assert!((3500..=3510).contains(&seconds), "AWS issues no token that outlives the session: {seconds}");
    assert!(head.contains("/eu-west-1/sts/aws4_request"), "{head}");
}

/// If the node's clock is wrong, AWS's time is signed.
#[tokio::test]
async fn web_token_request_is_signed_by_aws_s_clock() {
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    let responses = vec![
        CannedResponse::success_at(tomorrow),
        CannedResponse { date: tomorrow, ..CannedResponse::web_token(WEB_TOKEN) },
    ];
    let aws = FakeServer::with_responses(responses).await;
    // The token itself has expired at that time.
    let error = web_token(&aws).provide(Clock::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    let request = aws.requests.lock().unwrap()[1].to_ascii_lowercase();
    let day = httpdate::fmt_http_date(tomorrow)[5..7].to_owned();
    let date = request.split_once("x-amz-date: ").unwrap().1;
    assert_eq!(date[6..8], day, "{date}");
}

#[rstest]
#[case("access-denied", 403, ErrorKind::WebTokenDenied, true)]
#[case("disabled", 403, ErrorKind::FederationDisabled, true)]
#[case("throttling", 400, ErrorKind::Throttled, false)]
#[tokio::test]
async fn web_token_error_is_classified(
    #[case] name: &str,
    #[case] status: u16,
    #[case] kind: ErrorKind,
    #[case] permanent: bool,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/web-token-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("xml")).unwrap();
    let aws =
        FakeServer::with_responses(vec![CannedResponse::success(), CannedResponse::error(status, &body)])
            .await;
    let error = web_token(&aws).provide(Clock::system()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_permanent()), (kind, permanent), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("AWS STS: ") && text.contains(AUDIENCE), "{text}");
}

#[tokio::test]
async fn invalid_web_token_is_an_unexpected_response() {
    let aws =
        FakeServer::with_responses(vec![CannedResponse::success(), CannedResponse::web_token("<html>")])
            .await;
    let error = web_token(&aws).provide(Clock::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
}

/// Returns the environment of a pod with an agent instead of a role.
fn pod_identity(agent: &FakeServer) -> Environment {
    let mut environment = Environment::new("https://sts.invalid");
    for name in [names::AWS_ROLE_ARN, names::AWS_ROLE_SESSION_NAME, names::AWS_WEB_IDENTITY_TOKEN_FILE] {
        environment.set(name, "");
    }
    let file = environment.folder.path().join("web-identity").display().to_string();
    environment.set(names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, file);
    let uri = format!("http://{}/v1/credentials", agent.address);
    environment.set(names::AWS_CREDENTIALS, "pod-identity");
    environment.set(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, uri);
    environment
}

fn credentials(expiration: &str) -> CannedResponse {
    CannedResponse::json(&json!({
        "AccessKeyId": "ASIAMARKER",
        "SecretAccessKey": SECRET_KEY,
        "Token": SESSION_TOKEN,
        "AccountId": "123456789012",
        "Expiration": expiration,
    }))
}

#[tokio::test]
async fn pod_identity_session_signs() {
    let agent = FakeServer::plain(credentials("2126-03-02T00:00:00.123456789Z")).await;
    let environment = pod_identity(&agent);
    let credential = environment.provide(Clock::system()).await.unwrap();
    let Credential::Session(session) = &credential else { panic!("{credential:?}") };
    assert_eq!(session.credentials.secret_access_key(), SECRET_KEY);
    assert_eq!(session.credentials.session_token(), Some(SESSION_TOKEN));
    let target = Target::new(&environment.settings().identity);
    let token = credential.subject_token(&target, SystemTime::now()).unwrap();
    assert!(signed_at(token.expose()).is_some());
    let request = agent.requests.lock().unwrap().pop().unwrap();
    assert!(request.starts_with("GET /v1/credentials HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: {PROJECTED_TOKEN}\r\n")), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", agent.address)), "{request}");
}

/// The agent is on the node, which a proxy cannot reach.
#[tokio::test]
async fn agent_is_called_without_the_proxy() {
    let agent = FakeServer::plain(credentials("2126-03-02T00:00:00Z")).await;
    let mut environment = pod_identity(&agent);
    environment.set(names::HTTPS_PROXY, "http://127.0.0.1:1");
    environment.provide(Clock::system()).await.unwrap();
    assert_eq!(agent.request_count(), 1);
}

async fn error_of_agent(response: CannedResponse) -> Error {
    let agent = FakeServer::plain(response).await;
    pod_identity(&agent).provide(Clock::system()).await.unwrap_err()
}

#[rstest]
#[case::no_association(
    404,
    "[1f]: (ResourceNotFoundException): No association found, fault: client",
    ErrorKind::NoAssociation,
    true
)]
#[case::no_trust(
    403,
    "[1f]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client",
    ErrorKind::NoAssociation,
    true
)]
#[case::another_address(
    403,
    "Access Denied. Called agent through invalid address, please use either [169.254.170.23 fd00:ec2::23] address not 10.0.0.1",
    ErrorKind::AgentAddress,
    true
)]
#[case::limited_by_the_agent(429, "Too Many Requests", ErrorKind::Throttled, false)]
#[case::throttled(
    429,
    "[1f]: (ThrottlingException): Rate exceeded, fault: client",
    ErrorKind::Throttled,
    false
)]
#[case::eks_auth_is_down(500, "context deadline exceeded", ErrorKind::ServerError, false)]
#[tokio::test]
async fn error_of_the_agent_is_classified(
    #[case] status: u16,
    #[case] message: &str,
    #[case] kind: ErrorKind,
    #[case] permanent: bool,
) {
    let error = error_of_agent(CannedResponse::error(status, message)).await;
    assert_eq!((error.kind(), error.is_permanent()), (kind, permanent), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("EKS Pod Identity: ") && text.contains(message), "{text}");
}

#[rstest]
#[case::nothing("{}")]
#[case::expired(
    r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2016-03-02T00:00:00Z"}"#
)]
#[case::newline_in_the_token(
    r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c\nd","Expiration":"2126-03-02T00:00:00Z"}"#
)]
#[case::no_date(r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"soon"}"#)]
#[tokio::test]
async fn response_of_another_server_is_unexpected(#[case] body: &str) {
    let error = error_of_agent(CannedResponse::error(200, body)).await;
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    assert!(error.to_string().starts_with("EKS Pod Identity: "), "{error}");
}

#[tokio::test]
async fn missing_agent_is_reported() {
    let mut environment = pod_identity(&FakeServer::plain(CannedResponse::success()).await);
    environment.set(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, "http://127.0.0.1:1/v1/credentials");
    let error = environment.provide(Clock::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.to_string().starts_with("connection to EKS Pod Identity: "), "{error}");
}

#[tokio::test]
async fn pod_identity_session_gets_a_web_token() {
    let agent = FakeServer::plain(credentials("2126-03-02T00:00:00Z")).await;
    let aws = FakeServer::tls(CannedResponse::web_token(WEB_TOKEN)).await;
    let mut environment = pod_identity(&agent);
    environment.set(names::AWS_ENDPOINT_URL_STS, format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment.set(names::IDENTITY, "aws-jwt");
    let credential = environment.provide(Clock::system()).await.unwrap();
    assert!(matches!(credential, Credential::Token(..)), "{credential:?}");
    let request = aws.requests.lock().unwrap().pop().unwrap();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(field(form, "DurationSeconds"), "3600");
    assert!(head.contains("Credential=ASIAMARKER/"), "{head}");
    assert_eq!(aws.request_count(), 0, "no other request was sent");
}
