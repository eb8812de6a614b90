//! Token exchange and introspection.

use serde_json::{Value, json};

use super::*;
use crate::events::Detail;
use crate::operation::Operation;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Request;

#[tokio::test]
async fn exchange_returns_federated_token() {
    let fixture = Fixture::new();
    let response = fixture.exchange(&[]).await;
    let mut body = json_body(&response);
    assert!(body["access_token"].take().as_str().unwrap().starts_with("ya29.d."));
    assert_eq!(
        body,
        json!({
            "access_token": null,
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 3600,
        })
    );
    let Detail::TokenExchanged(detail) = last_detail(&fixture) else { panic!("no exchange") };
    assert_eq!(
        detail.principal,
        format!(
            "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/subject/{SUBJECT}"
        )
    );
    assert_eq!(detail.attributes["attribute.aws_role"], "arn:aws:sts::123456789012:assumed-role/batch");
    let signed = detail.signed_request().unwrap();
    assert_eq!((signed.host.as_str(), signed.audience_signed), (HOST, true));
    assert_eq!(fixture.state.faults.calls(Operation::GetCallerIdentity), 1, "Google called AWS");
}

/// Neither cloud knows the other's clock skew, and Google does not learn the session's expiration.
#[tokio::test]
async fn federated_token_is_valid_for_an_hour_despite_clock_skew_of_aws() {
    for aws_ahead in [-7_200, 0, 7_200] {
        let fixture = Fixture::new();
        fixture.state.aws_clock.shift_by(aws_ahead);
        let web_identity = fixture.web_identity_at(NOW.plus(aws_ahead));
        let session = fixture
            .session(&[("WebIdentityToken", Some(&web_identity)), ("DurationSeconds", Some("900"))])
            .await;
        let token =
            subject_token(&signed_caller_identity(&session, NOW.plus(aws_ahead), &audience(PROVIDER)));
        let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
        assert_eq!(json_body(&response)["expires_in"], 3_600, "AWS clock ahead by {aws_ahead} s");
        let body = json!({"scope": [SCOPE]});
        let federated = json_body(&response)["access_token"].as_str().unwrap().to_owned();
        for (later, status) in [(3_599, 200), (1, 401)] {
            fixture.clock.shift_by(later);
            assert_eq!(fixture.impersonate(ACCOUNT, &federated, &body).await.status, status);
        }
    }
}

#[tokio::test]
async fn federated_token_has_configured_lifetime() {
    let mut config = config();
    config.google.providers[0].token_seconds = Some(60);
    let response = Fixture::with(&config).exchange(&[]).await;
    assert_eq!(json_body(&response)["expires_in"], 60);
}

#[tokio::test]
async fn exchange_rejects_invalid_forms() {
    let fixture = Fixture::new();
    let bad_audience = "invalid_request: Invalid value for \"audience\". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.";
    let no_target = "invalid_target: The target service indicated by the \"audience\" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn't exist.";
    let pool = audience(PROVIDER.split_once("/providers").unwrap().0);
    for (name, value, error) in [
        ("grant_type", None, "invalid_request: Missing required parameter: grant_type"),
        (
            "grant_type",
            Some("refresh_token"),
            "unsupported_grant_type: The only grant type is urn:ietf:params:oauth:grant-type:token-exchange.",
        ),
        ("audience", Some(PROVIDER), bad_audience),
        ("audience", Some(pool.as_str()), bad_audience),
        ("audience", Some(&audience(&provider("absent"))), no_target),
        ("audience", Some(&audience(&provider("disabled"))), no_target),
        ("scope", Some(""), "invalid_request: Missing required parameter: scope"),
        ("subject_token", None, "invalid_request: Missing required parameter: subject_token"),
        (
            "subject_token_type",
            Some("urn:ietf:params:oauth:token-type:jwt"),
            "invalid_request: Invalid value for \"subject_token_type\": it should be urn:ietf:params:aws:token-type:aws4_request.",
        ),
        (
            "requested_token_type",
            Some("urn:ietf:params:oauth:token-type:id_token"),
            "invalid_request: Invalid value for \"requested_token_type\": it should be urn:ietf:params:oauth:token-type:access_token.",
        ),
        (
            "options",
            Some("userProject"),
            "invalid_request: Invalid value for \"options\": it should be a JSON object.",
        ),
    ] {
        let response = fixture.exchange(&[(name, value)]).await;
        assert_eq!((error_message(&response), response.status.as_u16()), (error, 400), "{name}");
    }
    assert_eq!(fixture.state.faults.calls(Operation::GetCallerIdentity), 0, "AWS was not called");
    assert_eq!(fixture.exchange(&[("options", Some("{\"userProject\":\"1\"}"))]).await.error, None);
}

#[tokio::test]
async fn exchange_accepts_basic_client_authentication() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    // gcloud sends the ID and the secret of its own client.
    for (value, status) in
        [("", 200), ("Basic eDp5", 200), ("Basic eDo=", 401), ("Basic !", 401), ("Bearer x", 401)]
    {
        let mut request = exchange_request(&token, &[]);
        request.headers_mut().insert("authorization", value.parse().unwrap());
        assert_eq!(fixture.call(Service::GoogleSts, request).await.status, status, "{value}");
    }
}

#[tokio::test]
async fn exchange_rejects_invalid_subject_tokens() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change, &str)] = &[
        ("GET", |d| d["method"] = "GET".into(), "method: expected POST, found `GET`"),
        (
            "a body",
            |d| d["body"] = "x".into(),
            "body: expected none, because GetCallerIdentity belongs in the query",
        ),
        (
            "http",
            |d| {
                d["url"] =
                    "http://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15".into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `http://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15`",
        ),
        (
            "other host",
            |d| d["url"] = "https://sts.evil.example/?Action=GetCallerIdentity&Version=2011-06-15".into(),
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts.evil.example/?Action=GetCallerIdentity&Version=2011-06-15`",
        ),
        (
            "FIPS",
            |d| {
                d["url"] =
                    "https://sts-fips.us-east-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
                        .into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts-fips.us-east-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15`",
        ),
        (
            "other action",
            |d| {
                d["url"] =
                    "https://sts.eu-west-1.amazonaws.com/?Action=GetSessionToken&Version=2011-06-15".into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts.eu-west-1.amazonaws.com/?Action=GetSessionToken&Version=2011-06-15`",
        ),
        (
            "other header host",
            |d| change(d, "host", "sts.us-east-1.amazonaws.com"),
            "headers: host differs from the host in the url",
        ),
        ("no date", |d| remove(d, "x-amz-date"), "headers: missing x-amz-date"),
        (
            "no audience",
            |d| remove(d, "x-goog-cloud-target-resource"),
            "headers: missing x-goog-cloud-target-resource",
        ),
        (
            "other audience",
            |d| change(d, "x-goog-cloud-target-resource", "//iam.googleapis.com/x"),
            "x-goog-cloud-target-resource: expected the audience //iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod, found `//iam.googleapis.com/x`",
        ),
        (
            "duplicate header",
            |d| d["headers"].as_array_mut().unwrap().push(json!({"key": "Host", "value": "x"})),
            "headers: duplicate header `Host`",
        ),
        (
            "invalid header name",
            |d| d["headers"][0]["key"] = "a b".into(),
            "headers: expected a header name and value, found `a b`",
        ),
    ];
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let good = signed_request_json(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    for (case, change, error) in cases {
        let mut document = good.clone();
        change(&mut document);
        let response = fixture
            .call(Service::GoogleSts, exchange_request(&percent_encode(&document.to_string()), &[]))
            .await;
        assert_eq!(
            error_message(&response),
            format!("invalid_grant: AWS request has invalid format. ({error})"),
            "{case}"
        );
    }
    let not_json = "invalid_grant: Invalid format of AWS credentials:Error at line 0:0: Unexpected end of stream : expected '{' (expected percent-encoded JSON)";
    let incomplete =
        "invalid_grant: AWS request has invalid format. (expected percent-encoded JSON with url,";
    for (case, token, start) in [
        ("empty object", percent_encode("{}"), incomplete),
        ("encoded twice", percent_encode(&percent_encode(&good.to_string())), not_json),
        ("a space", "+".to_owned(), not_json),
    ] {
        let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
        assert!(error_message(&response).starts_with(start), "{case}: {}", error_message(&response));
    }
    assert_eq!(fixture.state.faults.calls(Operation::GetCallerIdentity), 0, "AWS was not called");
}

#[tokio::test]
async fn exchange_accepts_repeated_identical_header() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let mut document = signed_request_json(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    let duplicate = json!({"key": "x-goog-cloud-target-resource", "value": audience(PROVIDER)});
    document["headers"].as_array_mut().unwrap().push(duplicate);
    let response =
        fixture.call(Service::GoogleSts, exchange_request(&percent_encode(&document.to_string()), &[])).await;
    assert_eq!(response.status, 200, "{response:?}");
}

#[tokio::test]
async fn exchange_accepts_both_encodings_of_a_space() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    assert!(token.contains("%20Credential%3D"), "encoding of Python and Node: {token}");
    for token in [token.clone(), token.replace("%20", "+")] {
        let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
        assert_eq!(response.error, None, "{token}");
    }
}

fn change(document: &mut Value, key: &str, value: &str) {
    for header in document["headers"].as_array_mut().unwrap() {
        if header["key"] == key {
            header["value"] = value.into();
        }
    }
}

fn remove(document: &mut Value, key: &str) {
    document["headers"].as_array_mut().unwrap().retain(|header| header["key"] != key);
}

#[tokio::test]
async fn exchange_forwards_errors_of_aws() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("DurationSeconds", Some("900"))]).await;
    let exchange = |request: Request| {
        let token = subject_token(&request);
        fixture.call(Service::GoogleSts, exchange_request(&token, &[]))
    };
    let start = "invalid_grant: Received invalid AWS response of type ";
    let unknown = Session { access_key: "ASIAUNKNOWN".to_owned(), ..session.clone() };
    let response = exchange(signed_caller_identity(&unknown, NOW, &audience(PROVIDER))).await;
    assert_eq!(
        error_message(&response),
        format!(
            "{start}InvalidClientTokenId with error message: The security token included in the request is invalid."
        )
    );
    let response = exchange(signed_caller_identity(&session, NOW.plus(-3600), &audience(PROVIDER))).await;
    assert_eq!(
        error_message(&response),
        format!(
            "{start}SignatureDoesNotMatch with error message: Signature expired: 20261124T070000Z is now earlier than 20261124T074500Z (20261124T080000Z - 15 min.)"
        )
    );
    fixture.clock.shift_by(900);
    let response = exchange(signed_caller_identity(&session, NOW.plus(900), &audience(PROVIDER))).await;
    assert_eq!(
        error_message(&response),
        format!(
            "{start}ExpiredToken with error message: The security token included in the request is expired"
        )
    );
    assert_eq!(
        json_body(&response),
        json!({"error": "invalid_grant", "error_description": &error_message(&response)["invalid_grant: ".len()..]})
    );
}

#[tokio::test]
async fn exchange_reports_unsigned_audience() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let request = http::Request::post("/?Action=GetCallerIdentity&Version=2011-06-15");
    let request =
        sign_with(&session, "eu-west-1", NOW, request.header("host", HOST).body("".into()).unwrap());
    for form in [audience(PROVIDER), format!("https:{}", audience(PROVIDER))] {
        let mut request = request.clone();
        request.headers_mut().insert("x-goog-cloud-target-resource", form.parse().unwrap());
        let response =
            fixture.call(Service::GoogleSts, exchange_request(&subject_token(&request), &[])).await;
        assert_eq!(response.error, None);
        let Detail::TokenExchanged(detail) = last_detail(&fixture) else { panic!("no exchange") };
        assert!(!detail.signed_request().unwrap().audience_signed);
    }
}

#[tokio::test]
async fn provider_rejects_callers() {
    let fixture = Fixture::new();
    let long =
        "arn:aws:iam::123456789012:role/a-role-with-a-name-so-long-that-it-leaves-no-room-for-a-session";
    let report = "arn:aws:iam::123456789012:role/team/report";
    let name = "n".repeat(30);
    for (role, session_name, provider_name, error) in [
        (ROLE, "shop.nightly", "batch-only", None),
        (report, "shop.nightly", "prod", None),
        (
            report,
            "shop.nightly",
            "batch-only",
            Some("unauthorized_client: The given credential is rejected by the attribute condition."),
        ),
        (
            ROLE,
            "shop.nightly",
            "other-account",
            Some(
                "invalid_grant: The AWS account 123456789012 of the caller is not the one that the provider trusts.",
            ),
        ),
        (
            long,
            name.as_str(),
            "prod",
            Some(
                "invalid_request: The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping or the incoming assertion to produce a mapped attribute that is less than 127 bytes.",
            ),
        ),
    ] {
        let session =
            fixture.session(&[("RoleArn", Some(role)), ("RoleSessionName", Some(session_name))]).await;
        let audience = audience(&provider(provider_name));
        let token = subject_token(&signed_caller_identity(&session, NOW, &audience));
        let request = exchange_request(&token, &[("audience", Some(&audience))]);
        assert_eq!(
            fixture.call(Service::GoogleSts, request).await.error.as_deref(),
            error,
            "{provider_name}"
        );
    }
}

#[tokio::test]
async fn introspection_returns_principal_of_active_token() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let introspect = async |token: &str| {
        let mut request = form("/v1/introspect", &[("token", token)]);
        request.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
        fixture.call(Service::GoogleSts, request).await
    };
    let detail = json_body(&introspect(&token).await);
    assert_eq!(detail["active"], json!(true));
    let username = detail["username"].as_str().unwrap();
    assert!(username.starts_with("principal://iam.googleapis.com/projects/"), "{username}");
    assert!(username.contains("/subject/arn:aws:sts::"), "{username}");
    assert_eq!(json_body(&introspect("ya29.d.unknown").await), json!({"active": false}));
    assert_eq!(error_message(&introspect("").await), "invalid_request: Missing required parameter: token");
}

#[tokio::test]
async fn introspection_requires_client_authentication() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    for value in [None, Some(""), Some("Bearer x")] {
        let mut request = form("/v1/introspect", &[("token", token.as_str())]);
        if let Some(value) = value {
            request.headers_mut().insert("authorization", value.parse().unwrap());
        }
        let response = fixture.call(Service::GoogleSts, request).await;
        assert_eq!(response.status, 401, "{value:?}");
        assert!(error_message(&response).starts_with("invalid_client: "), "{value:?}");
    }
}

#[tokio::test]
async fn exchange_is_throttled_beyond_the_quota() {
    let mut config = config();
    config.google.exchanges_per_minute = Some(2);
    let fixture = Fixture::with(&config);
    let statuses = [fixture.exchange(&[]).await, fixture.exchange(&[]).await, fixture.exchange(&[]).await];
    assert_eq!(statuses.map(|response| response.status.as_u16()), [200, 200, 429]);
    fixture.clock.shift_by(60);
    let web_identity = fixture.web_identity_at(NOW.plus(60));
    let session = fixture.session(&[("WebIdentityToken", Some(&web_identity))]).await;
    let token = subject_token(&signed_caller_identity(&session, NOW.plus(60), &audience(PROVIDER)));
    let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
    assert_eq!(response.error, None, "a new minute");
}
