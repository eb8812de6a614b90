//! Each identity through the real clients: what goes over the wire, and what comes of it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use percent_encoding::percent_decode_str;
use rolebridge_core::aws::GET_WEB_IDENTITY_TOKEN_SESSION_POLICY;
use rolebridge_core::env::sidecar as names;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::fault::{Fault, Reason};
use rolebridge_sidecar::proof::{Proof, Target};
use rstest::rstest;
use serde_json::json;

use crate::stand_in::{Answer, StandIn};
use crate::support::{AUDIENCE, Environment, PROJECTED_TOKEN, SECRET_KEY, SESSION_TOKEN, signed_at};

const WEB_TOKEN: &str = "eyJh.bWFya2VyLXdlYi10b2tlbg.c2ln";

fn field(form: &str, name: &str) -> String {
    let value = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    percent_decode_str(&value.unwrap().replace('+', " ")).decode_utf8().unwrap().into_owned()
}

fn web_token(aws: &StandIn) -> Environment {
    let mut environment = Environment::new(&format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment.set(names::IDENTITY, "aws-jwt");
    environment
}

#[tokio::test]
async fn aws_gives_a_json_web_token_to_a_session_that_may_do_nothing_else() {
    let aws = StandIn::saying(vec![Answer::good(), Answer::web_token(WEB_TOKEN)]).await;
    let environment = web_token(&aws);
    let proof = environment.prove(Clock::system()).await.unwrap();
    let target = Target::of(&environment.settings().identity);
    assert_eq!(proof.subject_token(&target, SystemTime::now()).unwrap().expose(), WEB_TOKEN);
    let left = proof.life().expires.duration_since(proof.life().obtained).unwrap();
    assert!(left > Duration::from_mins(59), "{left:?}");
    let requests = aws.requests.lock().unwrap();
    let (_, assume) = requests[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(field(assume, "Policy"), GET_WEB_IDENTITY_TOKEN_SESSION_POLICY);
    let (head, ask) = requests[1].split_once("\r\n\r\n").unwrap();
    assert_eq!(field(ask, "Action"), "GetWebIdentityToken");
    assert_eq!(field(ask, "Audience.member.1"), format!("https:{AUDIENCE}"));
    assert_eq!(field(ask, "SigningAlgorithm"), "RS256");
    let seconds: u32 = field(ask, "DurationSeconds").parse().unwrap();
    assert!((3500..=3510).contains(&seconds), "AWS gives none that outlives the session: {seconds}");
    assert!(head.contains("/eu-west-1/sts/aws4_request"), "{head}");
}

/// A node whose clock is wrong signs with AWS's time.
#[tokio::test]
async fn the_request_for_it_is_signed_by_aws_s_clock() {
    let tomorrow = SystemTime::now() + Duration::from_hours(24);
    let answers = vec![Answer::good_at(tomorrow), Answer { date: tomorrow, ..Answer::web_token(WEB_TOKEN) }];
    let aws = StandIn::saying(answers).await;
    // The token itself has expired by then.
    let fault = web_token(&aws).prove(Clock::system()).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::UnexpectedAnswer, "{fault}");
    let request = aws.requests.lock().unwrap()[1].to_ascii_lowercase();
    let day = httpdate::fmt_http_date(tomorrow)[5..7].to_owned();
    let date = request.split_once("x-amz-date: ").unwrap().1;
    assert_eq!(date[6..8], day, "{date}");
}

#[rstest]
#[case("access-denied", 403, Reason::WebTokenDenied, true)]
#[case("disabled", 403, Reason::FederationDisabled, true)]
#[case("throttling", 400, Reason::Throttled, false)]
#[tokio::test]
async fn a_refusal_of_it_has_its_own_mend(
    #[case] name: &str,
    #[case] status: u16,
    #[case] reason: Reason,
    #[case] lasting: bool,
) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/web-token-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("xml")).unwrap();
    let aws = StandIn::saying(vec![Answer::good(), Answer::refusal(status, &body)]).await;
    let fault = web_token(&aws).prove(Clock::system()).await.unwrap_err();
    assert_eq!((fault.reason(), fault.is_lasting()), (reason, lasting), "{fault}");
    let sentence = fault.to_string();
    assert!(sentence.starts_with("AWS STS: ") && sentence.contains(AUDIENCE), "{sentence}");
}

#[tokio::test]
async fn what_is_no_json_web_token_is_not_passed_on() {
    let aws = StandIn::saying(vec![Answer::good(), Answer::web_token("<html>")]).await;
    let fault = web_token(&aws).prove(Clock::system()).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::UnexpectedAnswer, "{fault}");
}

/// A pod with an agent instead of a role.
fn pod_identity(agent: &StandIn) -> Environment {
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

fn credentials(expiration: &str) -> Answer {
    Answer::json(&json!({
        "AccessKeyId": "ASIAMARKER",
        "SecretAccessKey": SECRET_KEY,
        "Token": SESSION_TOKEN,
        "AccountId": "123456789012",
        "Expiration": expiration,
    }))
}

#[tokio::test]
async fn eks_pod_identity_gives_a_session_that_signs() {
    let agent = StandIn::plain(credentials("2126-03-02T00:00:00.123456789Z")).await;
    let environment = pod_identity(&agent);
    let proof = environment.prove(Clock::system()).await.unwrap();
    let Proof::Session(session) = &proof else { panic!("{proof:?}") };
    assert_eq!(session.credentials.secret_access_key(), SECRET_KEY);
    assert_eq!(session.credentials.session_token(), Some(SESSION_TOKEN));
    let target = Target::of(&environment.settings().identity);
    let token = proof.subject_token(&target, SystemTime::now()).unwrap();
    assert!(signed_at(token.expose()).is_some());
    let request = agent.requests.lock().unwrap().pop().unwrap();
    assert!(request.starts_with("GET /v1/credentials HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("authorization: {PROJECTED_TOKEN}\r\n")), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", agent.address)), "{request}");
}

/// The agent is on the node: no proxy leads there.
#[tokio::test]
async fn the_agent_is_asked_without_the_proxy() {
    let agent = StandIn::plain(credentials("2126-03-02T00:00:00Z")).await;
    let mut environment = pod_identity(&agent);
    environment.set(names::HTTPS_PROXY, "http://127.0.0.1:1");
    environment.prove(Clock::system()).await.unwrap();
    assert_eq!(agent.asked(), 1);
}

async fn said_by_the_agent(answer: Answer) -> Fault {
    let agent = StandIn::plain(answer).await;
    pod_identity(&agent).prove(Clock::system()).await.unwrap_err()
}

#[rstest]
#[case::no_association(
    404,
    "[1f]: (ResourceNotFoundException): No association found, fault: client",
    Reason::NoAssociation,
    true
)]
#[case::no_trust(
    403,
    "[1f]: (AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client",
    Reason::NoAssociation,
    true
)]
#[case::throttled(429, "[1f]: (ThrottlingException): Rate exceeded, fault: client", Reason::Throttled, false)]
#[case::eks_auth_is_down(500, "context deadline exceeded", Reason::ServerError, false)]
#[tokio::test]
async fn the_agent_s_refusal_is_said(
    #[case] status: u16,
    #[case] words: &str,
    #[case] reason: Reason,
    #[case] lasting: bool,
) {
    let fault = said_by_the_agent(Answer::refusal(status, words)).await;
    assert_eq!((fault.reason(), fault.is_lasting()), (reason, lasting), "{fault}");
    let sentence = fault.to_string();
    assert!(sentence.starts_with("EKS Pod Identity: ") && sentence.contains(words), "{sentence}");
}

#[rstest]
#[case::nothing("{}")]
#[case::expired(
    r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2016-03-02T00:00:00Z"}"#
)]
#[case::no_date(r#"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"soon"}"#)]
#[tokio::test]
async fn what_is_not_the_agent_is_said_to_be_that(#[case] body: &str) {
    let fault = said_by_the_agent(Answer::refusal(200, body)).await;
    assert_eq!(fault.reason(), Reason::UnexpectedAnswer, "{fault}");
    assert!(fault.to_string().starts_with("EKS Pod Identity: "), "{fault}");
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_said() {
    let mut environment = pod_identity(&StandIn::plain(Answer::good()).await);
    environment.set(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, "http://127.0.0.1:1/v1/credentials");
    let fault = environment.prove(Clock::system()).await.unwrap_err();
    assert_eq!(fault.reason(), Reason::Connect);
    assert!(fault.to_string().starts_with("connection to EKS Pod Identity: "), "{fault}");
}

#[tokio::test]
async fn the_session_of_eks_pod_identity_gets_a_json_web_token_too() {
    let agent = StandIn::plain(credentials("2126-03-02T00:00:00Z")).await;
    let aws = StandIn::tls(Answer::web_token(WEB_TOKEN)).await;
    let mut environment = pod_identity(&agent);
    environment.set(names::AWS_ENDPOINT_URL_STS, format!("https://{}", aws.address));
    environment.trust(names::AWS_CA_BUNDLE, &aws.ca);
    environment.set(names::IDENTITY, "aws-jwt");
    let proof = environment.prove(Clock::system()).await.unwrap();
    assert!(matches!(proof, Proof::Token(..)), "{proof:?}");
    let request = aws.requests.lock().unwrap().pop().unwrap();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(field(form, "DurationSeconds"), "3600");
    assert!(head.contains("Credential=ASIAMARKER/"), "{head}");
    assert_eq!(aws.asked(), 0, "nothing else was asked");
}
