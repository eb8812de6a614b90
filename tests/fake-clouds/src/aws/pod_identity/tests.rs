//! The agent as a pod meets it.

use serde_json::Value;

use crate::events::Detail;
use crate::faults::{Fault, Nth, Operation};
use crate::oidc::ProjectedToken;
use crate::state::Service;
use crate::testing::*;
use crate::wire::Answer;

const AUDIENCE: &str = "pods.eks.amazonaws.com";

fn token_of(fixture: &Fixture, issuer: &str, account: &str, audience: &str) -> String {
    let token = ProjectedToken {
        namespace: "shop",
        service_account: account,
        audiences: &[audience],
        lifetime: 86_400,
        pod: Some("nightly-report-29384-x7b2q"),
    };
    fixture.issuer(issuer).mint(&token, NOW).unwrap()
}

async fn ask(fixture: &Fixture, token: &str) -> Answer {
    let request =
        http::Request::get("/v1/credentials").header("authorization", token).body("".into()).unwrap();
    fixture.call(Service::PodIdentity, request).await
}

fn session(answer: &Answer) -> Session {
    let body = parsed(answer);
    let part = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    Session { access_key: part("AccessKeyId"), secret: part("SecretAccessKey"), token: part("Token") }
}

/// The refusal without its random id.
fn said(answer: &Answer) -> (u16, String) {
    let text = refusal(answer);
    let text = if text.starts_with('[') { text.split_once("]: ").unwrap().1 } else { text };
    (answer.status.as_u16(), text.to_owned())
}

#[tokio::test]
async fn a_session_of_the_associated_role() {
    let fixture = Fixture::new();
    let answer = ask(&fixture, &token_of(&fixture, ISSUER, "nightly", AUDIENCE)).await;
    let body = parsed(&answer);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(body["AccountId"], "123456789012");
    assert_eq!(body["Expiration"], "2026-11-24T14:00:00Z");
    let Detail::RoleAssumed(told) = &answer.detail else { panic!("{answer:?}") };
    let name = told.session_arn.strip_prefix("arn:aws:sts::123456789012:assumed-role/eks/").unwrap();
    let uuid = name.strip_prefix("eks-prod-eu-we-nightly-re-").unwrap();
    assert!(uuid.len() == 36 && name.len() <= 64, "{name}");
    assert_eq!(told.subject, "system:serviceaccount:shop:nightly");
    // The session is as good as any.
    let request = sign_with(
        &session(&answer),
        "eu-west-1",
        NOW,
        form(
            "/",
            &[
                ("Action", "GetWebIdentityToken"),
                ("Version", "2011-06-15"),
                ("Audience.member.1", "https://example"),
                ("SigningAlgorithm", "RS256"),
            ],
        ),
    );
    let answer = fixture.aws(request).await;
    let body = text(&answer);
    let token = crate::aws::error::element(&body, "WebIdentityToken").unwrap();
    let issuer = "https://0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9.tokens.sts.global.api.aws";
    let claims: Value = fixture.issuer(issuer).claims(token).unwrap();
    let tags = &claims["https://sts.amazonaws.com/"]["principal_tags"];
    assert_eq!(tags["eks-cluster-name"], "prod-eu-west-1");
    assert_eq!(tags["kubernetes-namespace"], "shop");
    assert_eq!(tags["kubernetes-service-account"], "nightly");
    assert_eq!(tags["kubernetes-pod-name"], "nightly-report-29384-x7b2q");
}

#[tokio::test]
async fn the_agent_keeps_a_session_for_half_of_its_life() {
    let fixture = Fixture::new();
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    let first = session(&ask(&fixture, &token).await).access_key;
    fixture.clock.shift_by(3 * 3_600 - 1);
    assert_eq!(session(&ask(&fixture, &token).await).access_key, first);
    fixture.clock.shift_by(1);
    let next = session(&ask(&fixture, &token).await).access_key;
    assert_ne!(next, first);
    let other = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    assert_ne!(session(&ask(&fixture, &other).await).access_key, next, "another pod's");
}

#[tokio::test]
async fn who_gets_none() {
    let fixture = Fixture::new();
    let token = |issuer, account, audience| token_of(&fixture, issuer, account, audience);
    let assume = "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client";
    for (what, token, status, error) in [
        ("no token", String::new(), 400, "Service account token cannot be empty"),
        (
            "no JWT",
            "x".to_owned(),
            400,
            "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments",
        ),
        (
            "another cluster's",
            token(OTHER_ISSUER, "nightly", AUDIENCE),
            400,
            "(InvalidTokenException): The token is not one of the cluster's., fault: client",
        ),
        (
            "the token for AWS STS",
            token(ISSUER, "nightly", "sts.amazonaws.com"),
            400,
            "(InvalidTokenException): The audience of the token is not pods.eks.amazonaws.com., fault: client",
        ),
        (
            "no association",
            token(ISSUER, "web", AUDIENCE),
            404,
            "(ResourceNotFoundException): No association found for the service account of the token., fault: client",
        ),
        ("a role that may not be tagged", token(ISSUER, "untagged", AUDIENCE), 400, assume),
        ("a role that does not trust EKS", token(ISSUER, "irsa", AUDIENCE), 400, assume),
    ] {
        let answer = ask(&fixture, &token).await;
        assert_eq!(said(&answer), (status, error.to_owned()), "{what}");
        assert_eq!(text(&answer).trim_end(), refusal(&answer));
    }
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    fixture.clock.shift_by(86_400);
    assert_eq!(
        said(&ask(&fixture, &token).await).1,
        "Service account token failed basic claim validations: token has invalid claims: token is expired"
    );
}

#[tokio::test]
async fn faults_in_the_agents_words() {
    let fixture = Fixture::new();
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    for (fault, status, error) in [
        (Fault::Throttled, 429, "(ThrottlingException): Rate exceeded, fault: client"),
        (
            Fault::Internal,
            500,
            "(InternalServerException): There was an error with the server. Retry your request again., fault: server",
        ),
    ] {
        fixture.state.faults.want(Operation::PodCredentials, Nth::Every, fault);
        assert_eq!(said(&ask(&fixture, &token).await), (status, error.to_owned()));
    }
}

#[tokio::test]
async fn another_path_and_no_pod_identity_at_all() {
    let fixture = Fixture::new();
    let request = http::Request::get("/").body("".into()).unwrap();
    let answer = fixture.call(Service::PodIdentity, request).await;
    assert_eq!(said(&answer), (404, "404 page not found".to_owned()));
    let mut config = config();
    config.aws.pod_identity = None;
    let fixture = Fixture::with(&config);
    let answer = ask(&fixture, &token_of(&fixture, ISSUER, "nightly", AUDIENCE)).await;
    assert_eq!(answer.status, 404);
}
