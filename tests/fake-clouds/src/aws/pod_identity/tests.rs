//! The agent as a pod sees it.

use serde_json::Value;

use crate::events::Detail;
use crate::faults::{Calls, Fault};
use crate::oidc::ProjectedToken;
use crate::operation::Operation;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Response;

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

async fn get_credentials(fixture: &Fixture, token: &str) -> Response {
    get_credentials_at(fixture, "169.254.170.23", token).await
}

async fn get_credentials_at(fixture: &Fixture, host: &str, token: &str) -> Response {
    let request = http::Request::get("/v1/credentials").header("authorization", token).header("host", host);
    fixture.call(Service::PodIdentity, request.body("".into()).unwrap()).await
}

fn session(response: &Response) -> Session {
    let body = json_body(response);
    let part = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();
    Session { access_key: part("AccessKeyId"), secret: part("SecretAccessKey"), token: part("Token") }
}

/// Returns the status and the error without its random ID.
fn status_and_error(response: &Response) -> (u16, String) {
    let text = error_message(response);
    let text = if text.starts_with('[') { text.split_once("]: ").unwrap().1 } else { text };
    (response.status.as_u16(), text.to_owned())
}

#[tokio::test]
async fn credentials_are_a_session_of_the_associated_role() {
    let fixture = Fixture::new();
    let response = get_credentials(&fixture, &token_of(&fixture, ISSUER, "nightly", AUDIENCE)).await;
    let body = json_body(&response);
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(body["AccountId"], "123456789012");
    assert_eq!(body["Expiration"], "2026-11-24T14:00:00Z");
    let Detail::RoleAssumed(detail) = &response.detail else { panic!("{response:?}") };
    let name = detail.session_arn.strip_prefix("arn:aws:sts::123456789012:assumed-role/eks/").unwrap();
    let uuid = name.strip_prefix("eks-prod-eu-we-nightly-re-").unwrap();
    assert!(uuid.len() == 36 && name.len() <= 64, "{name}");
    assert_eq!(detail.subject, "system:serviceaccount:shop:nightly");
    // The session works like any other.
    let request = sign_with(
        &session(&response),
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
    let response = fixture.aws(request).await;
    let body = body_text(&response);
    let token = crate::aws::xml::element(&body, "WebIdentityToken").unwrap();
    let issuer = "https://0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9.tokens.sts.global.api.aws";
    let claims: Value = fixture.issuer(issuer).claims(token).unwrap();
    let tags = &claims["https://sts.amazonaws.com/"]["principal_tags"];
    assert_eq!(tags.as_object().unwrap().len(), 6);
    assert_eq!(tags["eks-cluster-arn"], "arn:aws:eks:eu-west-1:123456789012:cluster/prod-eu-west-1");
    assert_eq!(tags["eks-cluster-name"], "prod-eu-west-1");
    assert_eq!(tags["kubernetes-namespace"], "shop");
    assert_eq!(tags["kubernetes-service-account"], "nightly");
    assert_eq!(tags["kubernetes-pod-name"], "nightly-report-29384-x7b2q");
}

#[tokio::test]
async fn session_is_cached_for_half_of_its_lifetime() {
    let fixture = Fixture::new();
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    let first = session(&get_credentials(&fixture, &token).await).access_key;
    fixture.clock.shift_by(3 * 3_600 - 1);
    assert_eq!(session(&get_credentials(&fixture, &token).await).access_key, first);
    fixture.clock.shift_by(1);
    let next = session(&get_credentials(&fixture, &token).await).access_key;
    assert_ne!(next, first);
    let other = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    assert_ne!(session(&get_credentials(&fixture, &other).await).access_key, next, "token of another pod");
}

#[tokio::test]
async fn credentials_are_denied_without_valid_token_and_association() {
    let fixture = Fixture::new();
    let token = |issuer, account, audience| token_of(&fixture, issuer, account, audience);
    let assume = "(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the associated role., fault: client";
    for (case, token, status, error) in [
        ("no token", String::new(), 400, "Service account token cannot be empty"),
        (
            "malformed token",
            "x".to_owned(),
            400,
            "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments",
        ),
        (
            "token of another cluster",
            token(OTHER_ISSUER, "nightly", AUDIENCE),
            400,
            "(InvalidTokenException): The token was not issued by the cluster., fault: client",
        ),
        (
            "token for AWS STS",
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
        ("role without sts:TagSession", token(ISSUER, "untagged", AUDIENCE), 400, assume),
        ("role that does not trust EKS", token(ISSUER, "irsa", AUDIENCE), 400, assume),
    ] {
        let response = get_credentials(&fixture, &token).await;
        assert_eq!(status_and_error(&response), (status, error.to_owned()), "{case}");
        assert_eq!(body_text(&response).trim_end(), error_message(&response));
    }
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    fixture.clock.shift_by(86_400);
    assert_eq!(
        status_and_error(&get_credentials(&fixture, &token).await).1,
        "Service account token failed basic claim validations: token has invalid claims: token is expired"
    );
}

#[tokio::test]
async fn faults_are_errors_of_the_agent() {
    let fixture = Fixture::new();
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    for (fault, status, error) in [
        (Fault::Throttled, 429, "(ThrottlingException): Rate exceeded, fault: client"),
        (
            Fault::InternalError,
            500,
            "(InternalServerException): There was an error with the server. Retry your request again., fault: server",
        ),
    ] {
        fixture.state.faults.inject(Operation::PodCredentials, Calls::All, fault);
        assert_eq!(status_and_error(&get_credentials(&fixture, &token).await), (status, error.to_owned()));
    }
}

#[tokio::test]
async fn unknown_path_and_missing_pod_identity_return_404() {
    let fixture = Fixture::new();
    let request = http::Request::get("/").body("".into()).unwrap();
    let response = fixture.call(Service::PodIdentity, request).await;
    assert_eq!(status_and_error(&response), (404, "404 page not found".to_owned()));
    let mut config = config();
    config.aws.pod_identity = None;
    let fixture = Fixture::with(&config);
    let response = get_credentials(&fixture, &token_of(&fixture, ISSUER, "nightly", AUDIENCE)).await;
    assert_eq!(response.status, 404);
}

#[tokio::test]
async fn agent_rejects_calls_through_another_address() {
    let fixture = Fixture::new();
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    for host in ["169.254.170.23", "169.254.170.23:80", "[fd00:ec2::23]", "127.0.0.1:8443"] {
        assert_eq!(get_credentials_at(&fixture, host, &token).await.error, None, "{host}");
    }
    for (host, called) in [("10.0.0.1:80", "10.0.0.1"), ("agent", "agent"), ("", "")] {
        let response = get_credentials_at(&fixture, host, &token).await;
        let error = format!(
            "Access Denied. Called agent through invalid address, please use either [169.254.170.23 fd00:ec2::23] \
             address not {called}"
        );
        assert_eq!(status_and_error(&response), (403, error), "{host}");
    }
}

#[tokio::test]
async fn agent_limits_requests() {
    let mut config = config();
    config.aws.pod_identity.as_mut().unwrap().requests_per_second = Some(1);
    let fixture = Fixture::with(&config);
    let token = token_of(&fixture, ISSUER, "nightly", AUDIENCE);
    assert_eq!(get_credentials(&fixture, &token).await.status, 200);
    let response = get_credentials(&fixture, &token).await;
    assert_eq!(status_and_error(&response), (429, "Too Many Requests".to_owned()));
}
