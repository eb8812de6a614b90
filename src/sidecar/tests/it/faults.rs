//! What AWS STS says, in its own XML through the real SDK, and what the sidecar makes of it.

use std::path::Path;

use rolebridge_sidecar::fault::{Fault, Reason};
use rstest::rstest;

use crate::stand_in::{Answer, StandIn};
use crate::support::{Environment, ROLE};

async fn said(answer: Answer) -> Fault {
    let aws = StandIn::plain(answer).await;
    Environment::new(&format!("http://{}", aws.address)).ask().await.unwrap_err()
}

/// Each body of `aws-errors`: its status, what it is, and whether somebody must mend it.
pub(crate) const CASES: &[(&str, u16, Reason, bool)] = &[
    ("access-denied", 403, Reason::AccessDenied, true),
    ("explicit-deny", 403, Reason::AccessDenied, true),
    ("no-openid-connect-provider", 400, Reason::NoIdentityProvider, true),
    ("incorrect-audience", 400, Reason::WrongAudience, true),
    ("no-verification-key", 400, Reason::TokenRejected, true),
    ("expired-token", 400, Reason::TokenExpired, false),
    ("idp-communication-error", 400, Reason::ProviderUnreachable, false),
    ("idp-rejected-claim", 403, Reason::ClaimRejected, true),
    ("duration-exceeds-maximum", 400, Reason::SessionTooLong, true),
    ("invalid-arn", 400, Reason::InvalidRequest, true),
    ("malformed-policy", 400, Reason::PolicyRefused, true),
    ("packed-policy-too-large", 400, Reason::PolicyRefused, true),
    ("region-disabled", 403, Reason::RegionDisabled, true),
    ("throttling", 400, Reason::Throttled, false),
    ("internal-failure", 500, Reason::ServerError, false),
    ("service-unavailable", 503, Reason::ServerError, false),
];

/// The body of this name, and the message in it.
pub(crate) fn body(name: &str) -> (String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/aws-errors");
    let body = std::fs::read_to_string(folder.join(name).with_extension("xml")).unwrap();
    let message = body.split_once("<Message>").unwrap().1.split_once("</Message>").unwrap().0.to_owned();
    (body, message)
}

#[tokio::test]
async fn a_refusal_is_said_with_its_hop_its_cause_and_its_mend() {
    for (name, status, reason, lasting) in CASES {
        let (body, message) = body(name);
        let fault = said(Answer::refusal(*status, &body)).await;
        assert_eq!((fault.reason(), fault.is_lasting()), (*reason, *lasting), "{fault}");
        let sentence = fault.to_string();
        for part in ["AWS STS: ", reason.cause(), reason.mend(), ROLE, &message] {
            assert!(sentence.contains(part), "{part:?} is missing: {sentence}");
        }
    }
}

#[test]
fn every_body_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/aws-errors");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(CASES.iter().any(|(case, ..)| *case == name), "{name}");
    }
}

#[rstest]
#[case::a_proxy_in_its_place(403, "<html>Blocked by policy</html>", Reason::UnexpectedAnswer)]
#[case::a_gateway(502, "<html>Bad gateway</html>", Reason::ServerError)]
#[case::a_portal(200, "<html>Please sign in</html>", Reason::UnexpectedAnswer)]
#[case::no_credentials(200, r"<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult/></AssumeRoleWithWebIdentityResponse>", Reason::UnexpectedAnswer)]
#[tokio::test]
async fn what_is_not_aws_sts_is_said_to_be_that(
    #[case] status: u16,
    #[case] body: &str,
    #[case] reason: Reason,
) {
    let fault = said(Answer::refusal(status, body)).await;
    assert_eq!(fault.reason(), reason, "{fault}");
    assert!(!fault.is_lasting());
}

#[tokio::test]
async fn a_projected_token_that_is_not_there_yet_is_not_sent() {
    let aws = StandIn::plain(Answer::good()).await;
    let environment = Environment::new(&format!("http://{}", aws.address));
    std::fs::write(environment.folder.path().join("web-identity"), "").unwrap();
    assert_eq!(environment.ask().await.unwrap_err().reason(), Reason::TokenEmpty);
    assert_eq!(aws.asked(), 0);
}
