//! AWS STS's error responses, in its own XML through the real SDK, and the sidecar's errors for them.

use std::path::Path;

use rolebridge_sidecar::error::{Error, ErrorKind};
use rstest::rstest;

use crate::fake_server::{CannedResponse, FakeServer};
use crate::support::{Environment, ROLE};

async fn error_for(response: CannedResponse) -> Error {
    let aws = FakeServer::plain(response).await;
    Environment::new(&format!("http://{}", aws.address)).request_session().await.unwrap_err()
}

/// The name of each body in `aws-errors`, its status, the kind of error, and whether the error is permanent.
pub(crate) const CASES: &[(&str, u16, ErrorKind, bool)] = &[
    ("access-denied", 403, ErrorKind::AccessDenied, true),
    ("explicit-deny", 403, ErrorKind::AccessDenied, true),
    ("no-openid-connect-provider", 400, ErrorKind::NoIdentityProvider, true),
    ("incorrect-audience", 400, ErrorKind::WrongAudience, true),
    ("no-verification-key", 400, ErrorKind::TokenRejected, true),
    ("thumbprint-mismatch", 400, ErrorKind::ThumbprintMismatch, true),
    ("expired-token", 400, ErrorKind::TokenExpired, false),
    ("idp-communication-error", 400, ErrorKind::ProviderUnreachable, false),
    ("idp-rejected-claim", 403, ErrorKind::ClaimRejected, true),
    ("duration-exceeds-maximum", 400, ErrorKind::SessionTooLong, true),
    ("invalid-arn", 400, ErrorKind::InvalidRequest, true),
    ("malformed-policy", 400, ErrorKind::PolicyRejected, true),
    ("packed-policy-too-large", 400, ErrorKind::PolicyRejected, true),
    ("region-disabled", 403, ErrorKind::RegionDisabled, true),
    ("throttling", 400, ErrorKind::Throttled, false),
    ("internal-failure", 500, ErrorKind::ServerError, false),
    ("service-unavailable", 503, ErrorKind::ServerError, false),
];

/// Returns the body with that name, and the message in it.
pub(crate) fn body(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/aws-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("xml")).unwrap();
    let message = body.split_once("<Message>").unwrap().1.split_once("</Message>").unwrap().0.to_owned();
    (body, message)
}

#[tokio::test]
async fn error_response_is_reported_with_service_message_and_remediation() {
    for (name, status, kind, permanent) in CASES {
        let (body, message) = body(name);
        let error = error_for(CannedResponse::error(*status, &body)).await;
        assert_eq!((error.kind(), error.is_permanent()), (*kind, *permanent), "{error}");
        let text = error.to_string();
        for part in ["AWS STS: ", kind.message(), kind.remediation(), ROLE, &message] {
            assert!(text.contains(part), "{part:?} is missing: {text}");
        }
    }
}

#[test]
fn every_body_is_in_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/aws-errors");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(CASES.iter().any(|(case, ..)| *case == name), "{name}");
    }
}

#[rstest]
#[case::proxy(403, "<html>Blocked by policy</html>", ErrorKind::UnexpectedResponse)]
#[case::gateway(502, "<html>Bad gateway</html>", ErrorKind::ServerError)]
#[case::captive_portal(200, "<html>Please sign in</html>", ErrorKind::UnexpectedResponse)]
#[case::no_credentials(200, r"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult/></AssumeRoleWithWebIdentityResponse>", ErrorKind::UnexpectedResponse)]
#[case::newline_in_the_token(
    200,
    &include_str!("assume-role.xml")
        .replace("marker-session-token", "marker\nsession-token")
        .replace("{expiration}", "2126-03-02T00:00:00Z"),
    ErrorKind::UnexpectedResponse
)]
#[tokio::test]
async fn response_of_another_server_is_unexpected(
    #[case] status: u16,
    #[case] body: &str,
    #[case] kind: ErrorKind,
) {
    let error = error_for(CannedResponse::error(status, body)).await;
    assert_eq!(error.kind(), kind, "{error}");
    assert!(!error.is_permanent());
}

#[tokio::test]
async fn empty_projected_token_is_not_sent() {
    let aws = FakeServer::plain(CannedResponse::success()).await;
    let environment = Environment::new(&format!("http://{}", aws.address));
    std::fs::write(environment.folder.path().join("web-identity"), "").unwrap();
    assert_eq!(environment.request_session().await.unwrap_err().kind(), ErrorKind::TokenEmpty);
    assert_eq!(aws.request_count(), 0);
}
