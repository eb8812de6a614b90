//! The real client at Google STS and the IAM Credentials API, over TLS: what it sends, and what it makes of the answers.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use percent_encoding::percent_decode_str;
use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::AWS4_REQUEST;
use rolebridge_sidecar::fault::{Fault, Reason};
use rolebridge_sidecar::google::{Google, Mint, Token};
use rolebridge_sidecar::scopes::Scopes;
use rolebridge_sidecar::secret::Secret;
use rolebridge_sidecar::sign::sign;
use rolebridge_sidecar::subject_token::SubjectToken;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stand_in::{Answer, StandIn};
use crate::support::{AUDIENCE, Environment, SECRET_KEY, SESSION_TOKEN};

const EMAIL: &str = "batch@shop.iam.gserviceaccount.com";

/// Google at a stand-in, as these variables say, and the folder with the roots.
fn google(server: &StandIn, more: &[(&'static str, &str)]) -> (Google, Environment) {
    let mut environment = Environment::new("https://sts.invalid");
    environment.trust(names::AWS_CA_BUNDLE, &server.ca);
    environment.set(names::STS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, format!("https://{}", server.address));
    environment.set(names::SERVICE_ACCOUNT, EMAIL);
    for (name, value) in more {
        environment.set(name, *value);
    }
    let settings = environment.settings();
    (Google::of(&settings), environment)
}

fn subject() -> SubjectToken {
    let credentials = Credentials::new("ASIAMARKER", SECRET_KEY, Some(SESSION_TOKEN.into()), None, "test");
    sign(&credentials, AUDIENCE, "eu-west-1", SystemTime::UNIX_EPOCH).unwrap()
}

fn federated() -> Answer {
    Answer::json(&json!({
        "access_token": "ya29.d.federated",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 3599,
    }))
}

fn request(server: &StandIn) -> (String, String) {
    let request = server.requests.lock().unwrap().pop().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn it_exchanges_as_google_documents_it() {
    let sts = StandIn::tls(federated()).await;
    let scopes = Scopes::parse("https://a,https://b").unwrap();
    let (google, _roots) = google(&sts, &[]);
    let token = google.exchange(&subject(), &scopes).await.unwrap();
    assert_eq!(token.secret.expose(), "ya29.d.federated");
    assert_eq!(token.lives, Duration::from_secs(3599));
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
    let wanted = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", AUDIENCE),
        ("scope", "https://a https://b"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("subject_token_type", AWS4_REQUEST),
        ("subject_token", subject().expose()),
    ]
    .map(|(name, value)| (name, value.to_owned()));
    assert_eq!(fields, wanted);
}

/// A token's life is counted by Google's clock, whatever the node's shows.
#[tokio::test]
async fn it_impersonates_by_the_whole_chain() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_hours(492_336);
    let answer = Answer::json(&json!({"accessToken": "ya29.c.batch", "expireTime": "2026-03-02T00:30:00Z"}));
    let iam = StandIn::tls(Answer { date, ..answer }).await;
    let (google, _roots) = google(
        &iam,
        &[
            (names::DELEGATES, "hop@shop.iam.gserviceaccount.com"),
            (names::TOKEN_LIFETIME, "1800"),
            (names::QUOTA_PROJECT, "payer-project"),
        ],
    );
    let scopes = Scopes::parse("https://a").unwrap();
    let token = google.access_token(&Secret::new("ya29.d.federated"), &scopes).await.unwrap();
    assert_eq!((token.secret.expose(), token.lives), ("ya29.c.batch", Duration::from_mins(30)));
    let (head, body) = request(&iam);
    let line = format!("POST /v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken HTTP/1.1\r\n");
    assert!(head.starts_with(&line), "{head}");
    assert!(head.contains("authorization: Bearer ya29.d.federated"), "{head}");
    assert!(head.contains("x-goog-user-project: payer-project"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({
            "delegates": ["projects/-/serviceAccounts/hop@shop.iam.gserviceaccount.com"],
            "scope": ["https://a"],
            "lifetime": "1800s",
        })
    );
}

#[tokio::test]
async fn it_gets_an_id_token() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_hours(492_335);
    // {"exp":1772409600}
    let token = "eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln";
    let iam = StandIn::tls(Answer { date, ..Answer::json(&json!({"token": token})) }).await;
    let (google, _roots) = google(&iam, &[]);
    let got = google.id_token(&Secret::new("federated"), "https://a.example", true).await.unwrap();
    assert_eq!((got.secret.expose(), got.lives), (token, Duration::from_hours(1)));
    let (head, body) = request(&iam);
    assert!(head.contains(&format!("{EMAIL}:generateIdToken ")), "{head}");
    assert!(!head.contains("x-goog-user-project"), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap(),
        json!({"delegates": [], "audience": "https://a.example", "includeEmail": true})
    );
}

/// What is said to an exchange if `at` is `sts`, else to an impersonation.
async fn said(at: &str, answer: Answer) -> Result<Token, Fault> {
    let server = StandIn::tls(answer).await;
    let (google, _roots) = google(&server, &[]);
    let scopes = Scopes::cloud_platform();
    match at {
        "sts" => google.exchange(&subject(), &scopes).await,
        _ => google.access_token(&Secret::new("federated"), &scopes).await,
    }
}

#[rstest]
#[case("sts-attribute-condition", 400, Reason::ConditionRejected, true)]
#[case("sts-subject-too-long", 400, Reason::SubjectTooLong, true)]
#[case("sts-no-provider", 400, Reason::NoProvider, true)]
#[case("sts-invalid-audience", 400, Reason::NoProvider, true)]
#[case("sts-aws-refused", 400, Reason::SubjectRejected, true)]
#[case("sts-aws-unavailable", 400, Reason::SubjectUnchecked, false)]
#[case("sts-quota", 429, Reason::Throttled, false)]
#[case("sts-disabled", 403, Reason::ApiDisabled, true)]
#[case("iam-denied", 403, Reason::ImpersonationDenied, true)]
#[case("iam-not-found", 404, Reason::ImpersonationDenied, true)]
#[case("iam-lifetime", 400, Reason::LifetimeRefused, true)]
#[case("iam-unauthenticated", 401, Reason::FederatedRejected, false)]
#[case("iam-unavailable", 503, Reason::ServerError, false)]
#[tokio::test]
async fn a_refusal_is_said_in_google_s_words_with_its_hop(
    #[case] name: &str,
    #[case] status: u16,
    #[case] reason: Reason,
    #[case] lasting: bool,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/google-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("json")).unwrap();
    let document: Value = serde_json::from_str(&body).unwrap();
    let message = document.pointer("/error/message").unwrap_or(&document["error_description"]);
    let (at, _) = name.split_once('-').unwrap();
    let fault = said(at, Answer::refusal(status, &body)).await.unwrap_err();
    assert_eq!((fault.reason(), fault.is_lasting()), (reason, lasting), "{fault}");
    let (hop, about) = if at == "sts" { ("Google STS: ", AUDIENCE) } else { ("IAM Credentials: ", EMAIL) };
    let sentence = fault.to_string();
    assert!(sentence.starts_with(hop), "{sentence}");
    let message: String = message.as_str().unwrap().chars().take(150).collect();
    for part in [reason.cause(), reason.mend(), about, &status.to_string(), &message] {
        assert!(sentence.contains(part), "{part:?} is missing: {sentence}");
    }
}

#[test]
fn every_body_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/google-errors");
    let table = include_str!("google.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(table.contains(&format!("#[case(\"{name}\"")), "{name}");
    }
}

#[rstest]
#[case::a_proxy_in_its_place("sts", 403, "<html>Blocked by policy</html>", Reason::UnexpectedAnswer)]
#[case::a_gateway("iam", 502, "<html>Bad gateway</html>", Reason::ServerError)]
#[case::a_portal("sts", 200, "<html>Please sign in</html>", Reason::UnexpectedAnswer)]
#[case::no_token("iam", 200, "{}", Reason::UnexpectedAnswer)]
#[case::an_old_token(
    "iam",
    200,
    r#"{"accessToken":"a","expireTime":"2014-10-02T15:01:23Z"}"#,
    Reason::UnexpectedAnswer
)]
#[case::no_life("sts", 200, r#"{"access_token":"a","expires_in":0}"#, Reason::UnexpectedAnswer)]
#[tokio::test]
async fn what_is_not_google_is_said_to_be_that(
    #[case] at: &str,
    #[case] status: u16,
    #[case] body: &str,
    #[case] reason: Reason,
) {
    let fault = said(at, Answer::refusal(status, body)).await.unwrap_err();
    assert_eq!(fault.reason(), reason, "{fault}");
    assert!(!fault.is_lasting());
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let body = format!("{{\"access_token\":\"{}\"}}", "x".repeat(100_000));
    let fault = said("sts", Answer::refusal(200, &body)).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::UnexpectedAnswer, "{fault}");
}

#[tokio::test]
async fn a_connection_that_fails_is_google_s() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("https://{address}"));
    environment.set(names::IAM_CREDENTIALS_ENDPOINT, "https://iam.nowhere.invalid");
    environment.set(names::SERVICE_ACCOUNT, EMAIL);
    let settings = environment.settings();
    let google = Google::of(&settings);
    let scopes = Scopes::cloud_platform();
    let fault = google.exchange(&subject(), &scopes).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Connect);
    assert!(fault.to_string().starts_with("connection to Google STS: "), "{fault}");
    let fault = google.access_token(&Secret::new("federated"), &scopes).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Dns);
    assert!(fault.to_string().starts_with("connection to IAM Credentials: "), "{fault}");
}

#[tokio::test]
async fn google_too_must_be_trusted() {
    let sts = StandIn::tls(federated()).await;
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("https://{}", sts.address));
    let settings = environment.settings();
    let google = Google::of(&settings);
    let fault = google.exchange(&subject(), &Scopes::cloud_platform()).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Untrusted);
    assert_eq!(sts.asked(), 0, "the subject token does not leave for a server that is not trusted");
}

/// Paused time runs ahead while nothing else happens, so this waits for no real second.
#[tokio::test(start_paused = true)]
async fn a_google_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut environment = Environment::new("https://sts.invalid");
    environment.set(names::STS_ENDPOINT, format!("http://{}", listener.local_addr().unwrap()));
    let settings = environment.settings();
    let google = Google::of(&settings);
    let fault = google.exchange(&subject(), &Scopes::cloud_platform()).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Timeout, "{fault}");
}
