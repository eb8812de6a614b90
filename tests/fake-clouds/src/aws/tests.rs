//! AWS STS as clients see it: its results, and its error messages.

use serde_json::{Value, json};

use super::xml::element;
use crate::config::Config;
use crate::events::{Detail, RoleAssumed};
use crate::testing::*;
use crate::wire::Request;

const DENY_ALL: &str = rolebridge_core::aws::DENY_ALL_SESSION_POLICY;

#[tokio::test]
async fn assume_role_returns_session() {
    let fixture = Fixture::new();
    let response = fixture.assume(&[("Policy", Some(DENY_ALL)), ("DurationSeconds", Some("3600"))]).await;
    let body = body_text(&response);
    let part = |name| element(&body, name).unwrap();
    assert_eq!(part("Arn"), "arn:aws:sts::123456789012:assumed-role/batch/shop.nightly");
    assert_eq!(part("Expiration"), "2026-11-24T09:00:00Z");
    assert_eq!(part("SubjectFromWebIdentityToken"), "system:serviceaccount:shop:nightly");
    assert_eq!(part("Audience"), "sts.amazonaws.com");
    assert_eq!(
        part("Provider"),
        "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
    );
    assert!(part("AccessKeyId").starts_with("ASIA") && part("AssumedRoleId").starts_with("AROA"));
    assert_eq!(response.headers["date"], "Tue, 24 Nov 2026 08:00:00 GMT");
    assert_eq!(response.headers["content-type"], "text/xml");
    assert!(response.headers.contains_key("x-amzn-requestid"));
    let detail = Detail::RoleAssumed(RoleAssumed {
        role_arn: ROLE.to_owned(),
        session_arn: "arn:aws:sts::123456789012:assumed-role/batch/shop.nightly".to_owned(),
        access_key_id: part("AccessKeyId").to_owned(),
        subject: "system:serviceaccount:shop:nightly".to_owned(),
        session_policy: Some(DENY_ALL.to_owned()),
        expires: NOW.plus(3600),
    });
    assert_eq!(fixture.state.events.all().last().unwrap().detail, detail);
}

#[tokio::test]
async fn session_arn_omits_role_path() {
    let fixture = Fixture::new();
    let changes =
        [("RoleArn", Some("arn:aws:iam::123456789012:role/team/report")), ("DurationSeconds", Some("7200"))];
    let body = body_text(&fixture.assume(&changes).await);
    assert_eq!(element(&body, "Arn"), Some("arn:aws:sts::123456789012:assumed-role/report/shop.nightly"));
}

#[tokio::test]
async fn assume_role_rejects_invalid_parameters() {
    let fixture = Fixture::new();
    let long = "x".repeat(65);
    let long_error = format!(
        "ValidationError: 1 validation error detected: Value '{long}' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"
    );
    for (name, value, error) in [
        (
            "Version",
            Some("2011-06-16"),
            "InvalidAction: Could not find operation AssumeRoleWithWebIdentity for version 2011-06-16",
        ),
        (
            "RoleArn",
            None,
            "ValidationError: 1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            "RoleArn",
            Some("batch"),
            "ValidationError: 1 validation error detected: Value 'batch' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
        ),
        (
            "RoleArn",
            Some("arn:aws:iam::123456789012:user/batch"),
            "ValidationError: arn:aws:iam::123456789012:user/batch is invalid",
        ),
        (
            "RoleArn",
            Some("arn:aws:iam::123456789012:role/absent"),
            "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            "RoleArn",
            Some("arn:aws:iam::210987654321:role/batch"),
            "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            "RoleArn",
            Some("arn:aws:iam::123456789012:role/report"),
            "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            "RoleSessionName",
            Some("a"),
            "ValidationError: 1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
        ),
        (
            "RoleSessionName",
            Some("a/b"),
            r"ValidationError: 1 validation error detected: Value 'a/b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        ("RoleSessionName", Some(&long), &long_error),
        (
            "DurationSeconds",
            Some("899"),
            "ValidationError: 1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
        ),
        (
            "DurationSeconds",
            Some("43201"),
            "ValidationError: 1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200",
        ),
        (
            "DurationSeconds",
            Some("3601"),
            "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ),
        ("DurationSeconds", Some("an hour"), "MalformedInput: Invalid Argument"),
        (
            "MinimumSessionTokenSize",
            Some("4097"),
            "ValidationError: 1 validation error detected: Value '4097' at 'minimumSessionTokenSize' failed to satisfy constraint: Member must have value less than or equal to 4096",
        ),
        (
            "ProviderId",
            Some("abc"),
            "ValidationError: 1 validation error detected: Value 'abc' at 'providerId' failed to satisfy constraint: Member must have length greater than or equal to 4",
        ),
        (
            "ProviderId",
            Some("graph.facebook.com"),
            "InvalidIdentityToken: ProviderId graph.facebook.com is for OAuth 2.0 access tokens: omit it for an OpenID Connect token",
        ),
    ] {
        assert_eq!(error_message(&fixture.assume(&[(name, value)]).await), error, "{name}");
    }
}

#[tokio::test]
async fn assume_role_rejects_invalid_session_policies() {
    let fixture = Fixture::new();
    let wide = format!("{{\"x\": \"{}\"}}", "y".repeat(2048));
    let wide_error = format!(
        "ValidationError: 1 validation error detected: Value '{wide}' at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
    );
    for (name, value, error) in [
        (
            "Policy",
            Some("{☃"),
            r"ValidationError: 1 validation error detected: Value '{☃' at 'policy' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+",
        ),
        ("Policy", Some("{"), "MalformedPolicyDocument: This policy contains invalid Json"),
        ("Policy", Some("{}"), "MalformedPolicyDocument: Syntax errors in policy."),
        (
            "Policy",
            Some(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*"}]}"#),
            "MalformedPolicyDocument: Syntax errors in policy.",
        ),
        (
            "Policy",
            Some(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Principal":"*"}]}"#,
            ),
            "MalformedPolicyDocument: Syntax errors in policy.",
        ),
        ("Policy", Some(&wide), &wide_error),
    ] {
        assert_eq!(error_message(&fixture.assume(&[(name, value)]).await), error, "{name}");
    }
}

#[tokio::test]
async fn assume_role_rejects_invalid_tokens() {
    let fixture = Fixture::new();
    let claims = |changes: Value| {
        let mut claims = json!({
            "iss": ISSUER, "sub": "system:serviceaccount:shop:nightly", "aud": ["sts.amazonaws.com"],
            "exp": NOW.plus(600).0, "iat": NOW.0, "nbf": NOW.0,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let expired = format!(
        "ExpiredTokenException: Token expired: current date/time {0} must be before the expiration date/time {0}",
        NOW.0
    );
    let future = format!(
        "InvalidIdentityToken: Token not yet valid: current date/time {} must be after the not before date/time {}",
        NOW.0,
        NOW.0 + 1
    );
    let unknown_issuer =
        format!("InvalidIdentityToken: No OpenIDConnect provider found in your account for {OTHER_ISSUER}");
    let wrong_key = "InvalidIdentityToken: Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
    let denied = "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity";
    for (signer, changes, error) in [
        (ISSUER, json!({"exp": NOW.0}), expired.as_str()),
        (ISSUER, json!({"nbf": NOW.0 + 1}), &future),
        (ISSUER, json!({"aud": ["vault"]}), "InvalidIdentityToken: Incorrect token audience"),
        (
            ISSUER,
            json!({"aud": "sts.amazonaws.com.evil.example"}),
            "InvalidIdentityToken: Incorrect token audience",
        ),
        (ISSUER, json!({"sub": "system:serviceaccount:other:nightly"}), denied),
        (OTHER_ISSUER, json!({"iss": OTHER_ISSUER}), &unknown_issuer),
        (OTHER_ISSUER, json!({}), wrong_key),
    ] {
        let token = fixture.issuer(signer).mint_claims(&claims(changes.clone())).unwrap();
        let response = fixture.assume(&[("WebIdentityToken", Some(&token))]).await;
        assert_eq!(error_message(&response), error, "{changes}");
    }
    let response = fixture.assume(&[("WebIdentityToken", Some("ya29.an-access-token"))]).await;
    assert_eq!(
        error_message(&response),
        "InvalidIdentityToken: The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    );
    let string_audience =
        fixture.issuer(ISSUER).mint_claims(&claims(json!({"aud": "sts.amazonaws.com"}))).unwrap();
    assert_eq!(fixture.assume(&[("WebIdentityToken", Some(&string_audience))]).await.error, None);
}

/// Returns the clouds with a changed statement in the trust policy of the role `batch`.
fn config_with_trust(changes: &Value) -> Config {
    let mut config = config();
    let statement = &mut config.aws.accounts[0].roles[0].trust_policy["Statement"];
    match changes {
        Value::Array(_) => *statement = changes.clone(),
        changes => {
            for (name, value) in changes.as_object().unwrap() {
                statement[0][name] = value.clone();
            }
        }
    }
    config
}

#[tokio::test]
async fn trust_policy_decides_who_assumes_the_role() {
    let issuer = ISSUER.strip_prefix("https://").unwrap();
    let provider = format!("arn:aws:iam::123456789012:oidc-provider/{issuer}");
    let allow = json!({"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"});
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {"StringLike": {format!("{issuer}:sub"): "*:nightly"}}});
    let condition = |operator: &str, key: &str, value: &str| json!({"Condition": {operator: {format!("{issuer}:{key}"): value}}});
    for (changes, trusted) in [
        (json!({}), true),
        (condition("StringEquals", "sub", "system:serviceaccount:shop:nightly"), true),
        (condition("StringEquals", "sub", "system:serviceaccount:shop:*"), false),
        (condition("StringLike", "sub", "system:serviceaccount:*:nightly"), true),
        (condition("StringLike", "sub", "system:serviceaccount:web:*"), false),
        (condition("StringEquals", "aud", "vault"), false),
        (condition("StringEquals", "amr", "x"), false),
        (
            json!({"Condition": {"StringEquals": {"other.example:sub": "system:serviceaccount:shop:nightly"}}}),
            false,
        ),
        (json!({"Action": "sts:AssumeRole"}), false),
        (json!({"Action": ["sts:TagSession", "STS:assumerolewith*"]}), true),
        (
            json!({"Principal": {"Federated": OTHER_ISSUER.replace("https://", "arn:aws:iam::123456789012:oidc-provider/")}}),
            false,
        ),
        (json!({"Principal": {"Federated": [provider, "x"]}}), true),
        (json!({"Principal": {"Federated": issuer}}), false),
        (json!({"Principal": {"AWS": "*"}}), false),
        (json!({"Principal": "*"}), true),
        (json!({"Effect": "Deny"}), false),
        (json!([allow]), true),
        (json!([allow, deny]), false),
        (json!([deny, allow]), false),
    ] {
        let response = Fixture::with(&config_with_trust(&changes)).assume(&[]).await;
        let error =
            (!trusted).then_some("AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity");
        assert_eq!(response.error.as_deref(), error, "{changes}");
    }
}

#[test]
fn invalid_configurations_are_rejected() {
    type Change = fn(&mut Config);
    let cases: &[(Change, &str)] = &[
        (|c| c.aws.accounts[0].id = "12".to_owned(), "the AWS account 12: expected an ID of twelve digits"),
        (
            |c| c.aws.accounts[0].partition = "moon".to_owned(),
            "the AWS account 123456789012: expected an AWS partition, found `moon`",
        ),
        (
            |c| c.aws.accounts[0].roles[0].path = "team".to_owned(),
            "the role arn:aws:iam::123456789012:roleteambatch: expected a path that begins and ends with `/`, found `team`",
        ),
        (
            |c| c.aws.accounts[0].roles[0].max_session_seconds = 900,
            "the role arn:aws:iam::123456789012:role/batch: maxSessionSeconds: expected a number from 3600 to 43200, found 900",
        ),
        (
            |c| c.aws.accounts[0].roles[0].trust_policy["Version"] = "2026".into(),
            "the role arn:aws:iam::123456789012:role/batch: invalid trust policy: Version: expected `2012-10-17` or `2008-10-17`, found `2026`",
        ),
        (
            |c| c.aws.accounts[0].roles[0].trust_policy["Statement"][0]["Resource"] = "*".into(),
            "the role arn:aws:iam::123456789012:role/batch: invalid trust policy: a statement of a trust policy must not have a Resource",
        ),
        (
            |c| c.aws.accounts[0].roles[0].policies[0]["Statement"]["NotAction"] = "x".into(),
            "the role arn:aws:iam::123456789012:role/batch: invalid policy: a statement must have either an Action or a NotAction",
        ),
        (|c| c.aws.signature_minutes = 60, "aws.signatureMinutes: expected a number from 1 to 15, found 60"),
    ];
    for (change, error) in cases {
        let mut config = config();
        change(&mut config);
        let issuers = std::sync::Arc::new(crate::oidc::Issuers::new(&Config::default()).unwrap());
        assert_eq!(super::Aws::new(&config.aws, issuers).unwrap_err().to_string(), *error);
    }
}

fn get_caller_identity(method: &str) -> Request {
    http::Request::builder()
        .method(method)
        .uri("/?Action=GetCallerIdentity&Version=2011-06-15")
        .header("host", "127.0.0.1:8443")
        .body("".into())
        .unwrap()
}

#[tokio::test]
async fn get_caller_identity_returns_signer() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("Policy", Some(DENY_ALL))]).await;
    let in_form = form("/", &[("Action", "GetCallerIdentity"), ("Version", "2011-06-15")]);
    for request in [get_caller_identity("GET"), get_caller_identity("POST"), in_form] {
        let response = fixture.aws(sign_with(&session, "eu-west-1", NOW, request)).await;
        let body = body_text(&response);
        assert_eq!(
            element(&body, "Arn"),
            Some("arn:aws:sts::123456789012:assumed-role/batch/shop.nightly"),
            "{body}"
        );
        assert_eq!(element(&body, "Account"), Some("123456789012"));
        assert!(element(&body, "UserId").unwrap().ends_with(":shop.nightly"));
    }
}

#[tokio::test]
async fn get_caller_identity_rejects_invalid_credentials() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let other_session = fixture.session(&[]).await;
    let invalid = "InvalidClientTokenId: The security token included in the request is invalid.";
    for (case, session, error) in [
        ("unknown key", Session { access_key: "ASIAUNKNOWN".to_owned(), ..session.clone() }, invalid),
        (
            "token of another session",
            Session { token: other_session.token.clone(), ..session.clone() },
            invalid,
        ),
        (
            "secret of another session",
            Session { secret: other_session.secret.clone(), ..session.clone() },
            "SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        ),
    ] {
        let response = fixture.aws(sign_with(&session, "eu-west-1", NOW, get_caller_identity("POST"))).await;
        assert_eq!(error_message(&response), error, "{case}");
    }
    let mut china = get_caller_identity("POST");
    china.headers_mut().insert("host", "sts.cn-north-1.amazonaws.com.cn".parse().unwrap());
    assert_eq!(error_message(&fixture.aws(sign_with(&session, "cn-north-1", NOW, china)).await), invalid);
    assert_eq!(
        error_message(&fixture.aws(get_caller_identity("POST")).await),
        "MissingAuthenticationToken: Request is missing Authentication Token"
    );
}

#[tokio::test]
async fn get_caller_identity_rejects_expired_session() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("DurationSeconds", Some("900"))]).await;
    for (later, error) in
        [(899, None), (1, Some("ExpiredToken: The security token included in the request is expired"))]
    {
        fixture.clock.shift_by(later);
        let now = fixture.clock.now();
        let response = fixture.aws(sign_with(&session, "eu-west-1", now, get_caller_identity("POST"))).await;
        assert_eq!(response.error.as_deref(), error);
    }
}

#[tokio::test]
async fn session_policy_denies_every_action_but_get_caller_identity() {
    let fixture = Fixture::new();
    let allow_one = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}}"#;
    let user = "AccessDenied: User: arn:aws:sts::123456789012:assumed-role/batch/shop.nightly is not authorized to perform: sts:DecodeAuthorizationMessage on resource: *";
    let report = "arn:aws:iam::123456789012:role/team/report";
    for (role, policy, error) in [
        (ROLE, None, "InvalidAuthorizationMessageException: Message is not valid".to_owned()),
        (ROLE, Some(DENY_ALL), format!("{user} with an explicit deny in a session policy")),
        (
            ROLE,
            Some(allow_one),
            format!("{user} because no session policy allows the sts:DecodeAuthorizationMessage action"),
        ),
        (
            report,
            None,
            format!(
                "{} because no identity-based policy allows the sts:DecodeAuthorizationMessage action",
                user.replace("/batch/", "/report/")
            ),
        ),
    ] {
        let session = fixture.session(&[("RoleArn", Some(role)), ("Policy", policy)]).await;
        let fields =
            [("Action", "DecodeAuthorizationMessage"), ("Version", "2011-06-15"), ("EncodedMessage", "x")];
        let response = fixture.aws(sign_with(&session, "eu-west-1", NOW, form("/", &fields))).await;
        assert_eq!(error_message(&response), error);
        let caller = fixture.aws(sign_with(&session, "eu-west-1", NOW, get_caller_identity("POST"))).await;
        assert_eq!(caller.error, None, "no policy can deny GetCallerIdentity");
    }
}

#[tokio::test]
async fn unknown_action_is_rejected_and_missing_action_redirected() {
    let fixture = Fixture::new();
    for (path, expected) in [
        (
            "/?Action=Nothing&Version=2011-06-15",
            (400, Some("InvalidAction: Could not find operation Nothing for version 2011-06-15")),
        ),
        ("/", (302, None)),
    ] {
        let request = http::Request::get(path).header("host", HOST).body("".into()).unwrap();
        let response = fixture.aws(request).await;
        assert_eq!((response.status.as_u16(), response.error.as_deref()), expected, "{path}");
    }
}
