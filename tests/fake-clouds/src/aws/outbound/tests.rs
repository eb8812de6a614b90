//! Outbound identity federation: the claims of a token, its use at Google, and error messages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::aws::xml::element;
use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Response;

const OUTBOUND: &str = "https://0b1c2d3e-4f50-4617-8283-94a5b6c7d8e9.tokens.sts.global.api.aws";
const GOOGLE: &str = "projects/123456/locations/global/workloadIdentityPools/aws-jwt/providers/outbound";
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}}"#;
const REPORT: &str = "arn:aws:iam::123456789012:role/team/report";

/// Requests a token with the sidecar's parameters, changed by `changes`.
async fn request_token(fixture: &Fixture, session: &Session, changes: &[(&str, Option<&str>)]) -> Response {
    let audience = format!("https:{}", audience(GOOGLE));
    let mut fields = vec![
        ("Action", "GetWebIdentityToken"),
        ("Version", "2011-06-15"),
        ("Audience.member.1", audience.as_str()),
        ("SigningAlgorithm", "RS256"),
        ("DurationSeconds", "600"),
    ];
    for (name, value) in changes {
        fields.retain(|(field, _)| field != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    fixture.aws(sign_with(session, "eu-west-1", fixture.clock.now(), form("/", &fields))).await
}

fn token(response: &Response) -> String {
    let body = body_text(response);
    element(&body, "WebIdentityToken").unwrap_or_else(|| panic!("{body}")).to_owned()
}

fn part(token: &str, nth: usize) -> Value {
    let part = token.split('.').nth(nth).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn token_has_claims_of_the_session() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("Policy", Some(ALLOW))]).await;
    let response = request_token(&fixture, &session, &[]).await;
    assert_eq!(element(&body_text(&response), "Expiration"), Some("2026-11-24T08:10:00Z"));
    let token = token(&response);
    assert_eq!(part(&token, 0), json!({"alg": "RS256", "kid": "RSA_0"}));
    let mut claims = part(&token, 1);
    assert_eq!(claims["jti"].take().as_str().unwrap().len(), 36);
    let audience = format!("https:{}", audience(GOOGLE));
    assert_eq!(
        claims,
        json!({
            "iss": OUTBOUND,
            "sub": ROLE,
            "aud": audience,
            "iat": NOW.0,
            "exp": NOW.plus(600).0,
            "jti": null,
            "https://sts.amazonaws.com/": {
                "aws_account": "123456789012",
                "original_session_exp": "2026-11-24T09:00:00Z",
                "principal_id": ROLE,
                "source_region": "eu-west-1",
            },
        })
    );
    let detail = Detail::WebIdentityTokenIssued {
        subject: ROLE.to_owned(),
        audiences: vec![audience],
        access_key_id: session.access_key,
        lifetime: 600,
    };
    assert_eq!(response.detail, detail);
}

#[tokio::test]
async fn token_has_role_path_in_subject_and_all_audiences() {
    let mut config = config();
    config.aws.accounts[0].roles[1].policies = vec![serde_json::from_str(ALLOW).unwrap()];
    let fixture = Fixture::with(&config);
    let session = fixture.session(&[("RoleArn", Some(REPORT))]).await;
    let claims =
        part(&token(&request_token(&fixture, &session, &[("Audience.member.2", Some("b"))]).await), 1);
    assert_eq!(claims["sub"], REPORT);
    assert_eq!(claims["aud"][1], "b");
}

#[tokio::test]
async fn google_accepts_rs256_but_not_es384() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("Policy", Some(ALLOW))]).await;
    for (algorithm, error) in [
        ("RS256", None),
        ("ES384", Some("invalid_grant: Error connecting to the given credential's issuer.")),
    ] {
        let token = token(&request_token(&fixture, &session, &[("SigningAlgorithm", Some(algorithm))]).await);
        let audience = audience(GOOGLE);
        let changes = [
            ("audience", Some(audience.as_str())),
            ("subject_token_type", Some("urn:ietf:params:oauth:token-type:jwt")),
        ];
        let response = fixture.call(Service::GoogleSts, exchange_request(&token, &changes)).await;
        assert_eq!(response.error.as_deref(), error, "{algorithm}");
        if let Detail::TokenExchanged(detail) = &response.detail {
            assert_eq!(detail.attributes["google.subject"], ROLE);
            assert_eq!(detail.attributes["attribute.account"], "123456789012");
            assert_eq!(detail.expires_in, 600);
        }
    }
}

#[tokio::test]
async fn token_cannot_outlive_the_session() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("DurationSeconds", Some("3600"))]).await;
    let escalation = "SessionDurationEscalationException: The requested token duration would extend the session beyond its original expiration time. You cannot use this operation to extend the lifetime of a session beyond what was granted when the session was originally created.";
    for (duration, error) in [("3600", Some(escalation)), ("3599", None)] {
        let response = request_token(&fixture, &session, &[("DurationSeconds", Some(duration))]).await;
        assert_eq!(response.error.as_deref(), error, "{duration}");
    }
    fixture.clock.shift_by(3_000);
    for (duration, error) in [("600", Some(escalation)), ("599", None)] {
        let response = request_token(&fixture, &session, &[("DurationSeconds", Some(duration))]).await;
        assert_eq!(response.error.as_deref(), error, "{duration}, later");
    }
}

#[tokio::test]
async fn token_requires_permission_of_role_and_session() {
    let fixture = Fixture::new();
    let conditions = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":"https://example"},"NumericLessThanEquals":{"sts:DurationSeconds":300},"StringEquals":{"sts:SigningAlgorithm":"RS256"}}}}"#;
    let deny_all = rolebridge_core::aws::DENY_ALL_SESSION_POLICY;
    let user = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/batch/shop.nightly is not authorized to perform: sts:GetWebIdentityToken on resource: *";
    let implicit_deny = "because no session policy allows the sts:GetWebIdentityToken action";
    let (example, short) = (("Audience.member.1", Some("https://example")), ("DurationSeconds", Some("300")));
    for (policy, changes, reason) in [
        (deny_all, vec![], Some("with an explicit deny in a session policy")),
        (conditions, vec![example, short], None),
        (conditions, vec![example], Some(implicit_deny)),
        (conditions, vec![short], Some(implicit_deny)),
        (conditions, vec![example, short, ("Audience.member.2", Some("other"))], Some(implicit_deny)),
        (conditions, vec![example, short, ("SigningAlgorithm", Some("ES384"))], Some(implicit_deny)),
    ] {
        let session = fixture.session(&[("Policy", Some(policy))]).await;
        let response = request_token(&fixture, &session, &changes).await;
        assert_eq!(response.error, reason.map(|reason| format!("{user} {reason}")), "{changes:?}");
    }
    let session = fixture.session(&[("RoleArn", Some(REPORT)), ("Policy", Some(ALLOW))]).await;
    let error = request_token(&fixture, &session, &[]).await.error.unwrap();
    assert!(error.ends_with("because no identity-based policy allows the sts:GetWebIdentityToken action"));
}

#[tokio::test]
async fn tags_are_claims_and_require_tag_permission() {
    let fixture = Fixture::new();
    let tag = [("Tags.member.1.Key", Some("team")), ("Tags.member.1.Value", Some("sales"))];
    let session = fixture.session(&[]).await;
    let claims = part(&token(&request_token(&fixture, &session, &tag).await), 1);
    assert_eq!(claims["https://sts.amazonaws.com/"]["request_tags"], json!({"team": "sales"}));
    let session = fixture.session(&[("Policy", Some(ALLOW))]).await;
    let error = request_token(&fixture, &session, &tag).await.error.unwrap();
    assert!(error.contains("perform: sts:TagGetWebIdentityToken"), "{error}");
}

#[tokio::test]
async fn invalid_parameters_are_rejected() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let long = "x".repeat(1001);
    let invalid = |value: &str, name: &str, constraint: &str| {
        format!(
            "ValidationError: 1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}"
        )
    };
    for (name, value, error) in [
        ("Audience.member.1", None, invalid("null", "audience", "not be null")),
        (
            "Audience.member.1",
            Some(long.as_str()),
            invalid(&long, "audience", "have length between 1 and 1000"),
        ),
        ("SigningAlgorithm", None, invalid("null", "signingAlgorithm", "not be null")),
        (
            "SigningAlgorithm",
            Some("ES256"),
            invalid("ES256", "signingAlgorithm", "satisfy enum value set: [RS256, ES384]"),
        ),
        (
            "DurationSeconds",
            Some("59"),
            invalid("59", "durationSeconds", "have value greater than or equal to 60"),
        ),
        (
            "DurationSeconds",
            Some("3601"),
            invalid("3601", "durationSeconds", "have value less than or equal to 3600"),
        ),
        (
            "Scope",
            Some("read"),
            "ValidationError: this fake of AWS does not support the parameter Scope".to_owned(),
        ),
    ] {
        let response = request_token(&fixture, &session, &[(name, value)]).await;
        assert_eq!(error_message(&response), error);
    }
    let response = request_token(&fixture, &session, &[("DurationSeconds", None)]).await;
    assert_eq!(
        element(&body_text(&response), "Expiration"),
        Some("2026-11-24T08:05:00Z"),
        "default of five minutes"
    );
}

#[tokio::test]
async fn token_is_unavailable_without_federation_and_at_global_endpoint() {
    let mut config = config();
    config.aws.accounts[0].outbound_issuer = None;
    let fixture = Fixture::with(&config);
    let session = fixture.session(&[]).await;
    assert_eq!(
        error_message(&request_token(&fixture, &session, &[]).await),
        "OutboundWebIdentityFederationDisabledException: The outbound web identity federation feature is not enabled for this account. To use this feature, you must first enable it through the AWS Management Console or API."
    );
    let fields = [("Action", "GetWebIdentityToken"), ("Version", "2011-06-15")];
    let mut request = form("/", &fields);
    request.headers_mut().insert("host", "sts.amazonaws.com".parse().unwrap());
    let response = fixture.aws(sign_with(&session, "us-east-1", NOW, request)).await;
    assert_eq!(
        error_message(&response),
        "InvalidAction: GetWebIdentityToken is not available on the global endpoint"
    );
}
