//! Google as clients see it: exchange, impersonation and data, and its error messages.

use serde_json::{Value, json};

use crate::events::Detail;
use crate::faults::{Calls, Fault};
use crate::operation::Operation;
use crate::state::Service;
use crate::testing::*;
use crate::wire::{Request, Response};

const SUBJECT: &str = "arn:aws:sts::123456789012:assumed-role/batch/shop.nightly";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Returns another provider of the pool.
fn provider(name: &str) -> String {
    PROVIDER.replace("/prod", &format!("/{name}"))
}

/// Requests a federated token of the role `batch`.
async fn federated(fixture: &Fixture) -> String {
    json_body(&fixture.exchange(&[]).await)["access_token"].as_str().unwrap().to_owned()
}

/// Requests a token of a service account that `batch` may impersonate.
async fn impersonated(fixture: &Fixture) -> String {
    let federated = federated(fixture).await;
    let response = fixture.impersonate(ACCOUNT, &federated, &json!({"scope": [SCOPE]})).await;
    json_body(&response)["accessToken"].as_str().unwrap().to_owned()
}

fn last_detail(fixture: &Fixture) -> Detail {
    fixture.state.events.all().last().unwrap().detail.clone()
}

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
            "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/subject/{SUBJECT}"
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
        ("audience", Some(&audience(&provider("off"))), no_target),
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
async fn exchange_rejects_nonempty_authorization_header() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    for (value, status) in [("", 200), ("Basic eDp5", 401)] {
        let mut request = exchange_request(&token, &[]);
        request.headers_mut().insert("authorization", value.parse().unwrap());
        assert_eq!(fixture.call(Service::GoogleSts, request).await.status, status, "{value}");
    }
}

#[tokio::test]
async fn exchange_rejects_invalid_subject_tokens() {
    type Change = fn(&mut Value);
    let cases: &[(&str, Change, &str)] = &[
        ("GET", |d| d["method"] = "GET".into(), "method: expected POST, found `GET`."),
        (
            "a body",
            |d| d["body"] = "x".into(),
            "body: expected none, because GetCallerIdentity belongs in the query.",
        ),
        (
            "http",
            |d| {
                d["url"] =
                    "http://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15".into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `http://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15`.",
        ),
        (
            "other host",
            |d| d["url"] = "https://sts.evil.example/?Action=GetCallerIdentity&Version=2011-06-15".into(),
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts.evil.example/?Action=GetCallerIdentity&Version=2011-06-15`.",
        ),
        (
            "FIPS",
            |d| {
                d["url"] =
                    "https://sts-fips.us-east-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
                        .into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts-fips.us-east-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15`.",
        ),
        (
            "other action",
            |d| {
                d["url"] =
                    "https://sts.eu-west-1.amazonaws.com/?Action=GetSessionToken&Version=2011-06-15".into();
            },
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `https://sts.eu-west-1.amazonaws.com/?Action=GetSessionToken&Version=2011-06-15`.",
        ),
        (
            "other header host",
            |d| change(d, "host", "sts.us-east-1.amazonaws.com"),
            "headers: host differs from the host in the url.",
        ),
        ("no date", |d| remove(d, "x-amz-date"), "headers: missing x-amz-date."),
        (
            "no audience",
            |d| remove(d, "x-goog-cloud-target-resource"),
            "headers: missing x-goog-cloud-target-resource.",
        ),
        (
            "other audience",
            |d| change(d, "x-goog-cloud-target-resource", "//iam.googleapis.com/x"),
            "x-goog-cloud-target-resource: expected the audience //iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/providers/prod, found `//iam.googleapis.com/x`.",
        ),
        (
            "duplicate header",
            |d| d["headers"].as_array_mut().unwrap().push(json!({"key": "Host", "value": "x"})),
            "headers: duplicate header `Host`.",
        ),
        (
            "invalid header name",
            |d| d["headers"][0]["key"] = "a b".into(),
            "headers: expected a header name and value, found `a b`.",
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
            format!("invalid_grant: Unable to parse the AWS subject token: {error}"),
            "{case}"
        );
    }
    for (case, token) in [
        ("not encoded", percent_encode("{}")),
        ("encoded twice", percent_encode(&percent_encode(&good.to_string()))),
    ] {
        let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
        let start = "invalid_grant: Unable to parse the AWS subject token: expected percent-encoded JSON";
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
async fn impersonation_returns_access_token() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let body = json!({"scope": [SCOPE], "lifetime": "1800s", "delegates": []});
    let response = fixture.impersonate(ACCOUNT, &token, &body).await;
    assert!(json_body(&response)["accessToken"].as_str().unwrap().starts_with("ya29.c."));
    assert_eq!(json_body(&response)["expireTime"], "2026-11-24T08:30:00Z");
    let principal = format!(
        "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/subject/{SUBJECT}"
    );
    assert_eq!(
        last_detail(&fixture),
        Detail::Impersonated { principal, service_account: ACCOUNT.to_owned(), lifetime: 1800 }
    );
}

#[tokio::test]
async fn impersonation_checks_delegates_and_parameters() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let denied = "PERMISSION_DENIED: Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
    let archive = "archive@shop.iam.gserviceaccount.com";
    let chain = json!({"scope": [SCOPE], "delegates": [format!("projects/-/serviceAccounts/{ACCOUNT}")], "lifetime": "43200s"});
    let invalid = "INVALID_ARGUMENT: ";
    for (email, body, error) in [
        (ACCOUNT, json!({"scope": [SCOPE], "delegates": null}), None),
        (archive, chain, None),
        (archive, json!({"scope": [SCOPE]}), Some(denied.to_owned())),
        ("absent@shop.iam.gserviceaccount.com", json!({"scope": [SCOPE]}), Some(denied.to_owned())),
        (
            ACCOUNT,
            json!({"scope": [SCOPE], "delegates": [format!("projects/-/serviceAccounts/{archive}")]}),
            Some(denied.replace("getAccessToken", "implicitDelegation")),
        ),
        (
            ACCOUNT,
            json!({"scope": [SCOPE], "delegates": [ACCOUNT]}),
            Some(format!("{invalid}Invalid delegate {ACCOUNT}: expected projects/-/serviceAccounts/EMAIL")),
        ),
        (ACCOUNT, json!({"scope": []}), Some(format!("{invalid}Request contains an invalid argument."))),
        (
            ACCOUNT,
            json!({"scope": [SCOPE], "lifetime": "3601s"}),
            Some(format!(
                "{invalid}Access tokens can not have lifetimes of more than 1 hour. Use the Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours."
            )),
        ),
        (
            ACCOUNT,
            json!({"scope": [SCOPE], "lifetime": "0s"}),
            Some(format!("{invalid}Lifetime of access token must be larger then zero.")),
        ),
        (
            ACCOUNT,
            json!({"scope": [SCOPE], "lifetime": "1h"}),
            Some(format!("{invalid}Invalid value at 'lifetime': 1h")),
        ),
    ] {
        let response = fixture.impersonate(email, &token, &body).await;
        assert_eq!(response.error, error, "{body}");
    }
    let response = fixture.impersonate(archive, &token, &json!({"scope": [SCOPE]})).await;
    assert_eq!(
        json_body(&response),
        json!({"error": {
            "code": 403,
            "message": denied.strip_prefix("PERMISSION_DENIED: ").unwrap(),
            "status": "PERMISSION_DENIED",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "IAM_PERMISSION_DENIED",
                "domain": "iam.googleapis.com",
                "metadata": {"permission": "iam.serviceAccounts.getAccessToken"},
            }],
        }})
    );
}

#[tokio::test]
async fn impersonation_requires_binding() {
    let fixture = Fixture::new();
    let session = fixture.session(&[("RoleArn", Some("arn:aws:iam::123456789012:role/team/report"))]).await;
    let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
    let federated = json_body(&response)["access_token"].as_str().unwrap().to_owned();
    let response = fixture.impersonate(ACCOUNT, &federated, &json!({"scope": [SCOPE]})).await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn impersonation_requires_scope_and_unexpired_token() {
    let fixture = Fixture::new();
    let narrow = fixture.exchange(&[("scope", Some("https://www.googleapis.com/auth/bigquery"))]).await;
    let narrow = json_body(&narrow)["access_token"].as_str().unwrap().to_owned();
    let response = fixture.impersonate(ACCOUNT, &narrow, &json!({"scope": [SCOPE]})).await;
    assert_eq!(
        error_message(&response),
        "PERMISSION_DENIED: Request had insufficient authentication scopes."
    );
    let token = federated(&fixture).await;
    fixture.clock.shift_by(3600);
    let response = fixture.impersonate(ACCOUNT, &token, &json!({"scope": [SCOPE]})).await;
    assert_eq!(response.status, 401);
    assert!(
        error_message(&response)
            .starts_with("UNAUTHENTICATED: Request had invalid authentication credentials.")
    );
}

async fn get(fixture: &Fixture, service: Service, path: &str, token: &str) -> Response {
    let mut request = http::Request::get(path).body("".into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(service, request).await
}

#[tokio::test]
async fn objects_are_read_through_both_apis() {
    let fixture = Fixture::new();
    let account = impersonated(&fixture).await;
    let direct = federated(&fixture).await;
    for token in [&account, &direct] {
        let path = "/storage/v1/b/reports/o/2026%2F11%2F24.txt?alt=media";
        let response = get(&fixture, Service::Storage, path, token).await;
        let found = response.error.clone();
        assert_eq!((body_text(&response).as_str(), found), ("all sold\n", None));
        assert_eq!(response.headers["content-type"], "text/plain");
    }
    let Detail::ObjectRead { principal, object } = last_detail(&fixture) else { panic!("no object read") };
    assert_eq!(object, "gs://reports/2026/11/24.txt");
    assert!(principal.starts_with("principal://iam.googleapis.com/"), "{principal}");
    let path = "/reports/2026%2F11%2F24%2Etxt"; // XML API
    assert_eq!(get(&fixture, Service::Storage, path, &account).await.body, "all sold\n");
    let response = get(&fixture, Service::Storage, "/storage/v1/b/reports/o/2026%2Freadme", &account).await;
    let metadata = json_body(&response);
    assert_eq!((&metadata["size"], &metadata["contentType"]), (&"10".into(), &"text/markdown".into()));
    let response = get(&fixture, Service::Storage, "/storage/v1/b/reports/o?prefix=2026%2F1", &account).await;
    assert_eq!(json_body(&response)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn object_errors_have_the_format_of_the_api() {
    let fixture = Fixture::new();
    let account = impersonated(&fixture).await;
    let principal = format!(
        "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws/subject/{SUBJECT}"
    );
    for (path, token, error) in [
        ("/storage/v1/b/reports/o/absent", &account, "NOT_FOUND: No such object: reports/absent".to_owned()),
        ("/storage/v1/b/absent/o/x", &account, "NOT_FOUND: The specified bucket does not exist.".to_owned()),
        (
            "/storage/v1/b/reports",
            &account,
            "NOT_FOUND: This fake of Google has no GET /storage/v1/b/reports.".to_owned(),
        ),
        (
            "/storage/v1/b/reports/o/x",
            &"ya29.d.forged".to_owned(),
            "UNAUTHENTICATED: Invalid Credentials".to_owned(),
        ),
    ] {
        assert_eq!(error_message(&get(&fixture, Service::Storage, path, token).await), error, "{path}");
    }
    let mut config = config();
    config.google.buckets[0].bindings.clear();
    let closed = Fixture::with(&config);
    for (path, permission, resource) in [
        ("/storage/v1/b/reports/o/x", "storage.objects.get", "object"),
        ("/storage/v1/b/reports/o", "storage.objects.list", "bucket"),
    ] {
        let direct = federated(&closed).await;
        let response = get(&closed, Service::Storage, path, &direct).await;
        let message = format!(
            "{principal} does not have {permission} access to the Google Cloud Storage {resource}. Permission '{permission}' denied on resource (or it may not exist)."
        );
        assert_eq!(
            json_body(&response)["error"],
            json!({
                "code": 403, "message": message, "status": "PERMISSION_DENIED",
                "errors": [{"message": message, "domain": "global", "reason": "forbidden"}],
            })
        );
    }
}

async fn post(fixture: &Fixture, path: &str, token: &str, body: &Value) -> Response {
    let mut request = http::Request::post(path).body(body.to_string().into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(Service::BigQuery, request).await
}

const QUERIES: &str = "/bigquery/v2/projects/shop/queries";

#[tokio::test]
async fn query_returns_rows() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let body = json!({"query": "SELECT * FROM `shop.sales.orders` LIMIT 2", "useLegacySql": false});
    let mut response = json_body(&post(&fixture, QUERIES, &token, &body).await);
    assert!(response["jobReference"]["jobId"].take().as_str().unwrap().starts_with("job_"));
    assert_eq!(
        response,
        json!({
            "kind": "bigquery#queryResponse",
            "schema": {"fields": [
                {"name": "id", "type": "INTEGER", "mode": "NULLABLE"},
                {"name": "item", "type": "STRING", "mode": "NULLABLE"},
                {"name": "total", "type": "FLOAT", "mode": "NULLABLE"},
                {"name": "paid", "type": "BOOLEAN", "mode": "NULLABLE"},
            ]},
            "jobReference": {"projectId": "shop", "jobId": null, "location": "US"},
            "totalRows": "2",
            "rows": [
                {"f": [{"v": "1"}, {"v": "tea"}, {"v": "3.5"}, {"v": "true"}]},
                {"f": [{"v": "2"}, {"v": "\"cake\""}, {"v": "12"}, {"v": "false"}]},
            ],
            "totalBytesProcessed": "0",
            "jobComplete": true,
            "cacheHit": false,
        })
    );
    let (principal, table) = (format!("serviceAccount:{ACCOUNT}"), "shop.sales.orders".to_owned());
    assert_eq!(last_detail(&fixture), Detail::TableRead { principal, table, rows: 2 });
}

#[tokio::test]
async fn job_results_are_paged() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let body = json!({
        "jobReference": {"projectId": "shop", "jobId": "mine"},
        "configuration": {"query": {"query": "SELECT item, id FROM sales.orders", "useLegacySql": false}},
    });
    let jobs = "/bigquery/v2/projects/shop/jobs";
    assert_eq!(json_body(&post(&fixture, jobs, &token, &body).await)["status"], json!({"state": "DONE"}));
    assert_eq!(
        error_message(&post(&fixture, jobs, &token, &body).await),
        "ALREADY_EXISTS: Already Exists: Job shop:US.mine"
    );
    let job = get(&fixture, Service::BigQuery, "/bigquery/v2/projects/shop/jobs/mine", &token).await;
    assert_eq!(json_body(&job)["user_email"], ACCOUNT);
    for (query, rows, next) in [
        ("maxResults=0", None, Some("0")),
        ("maxResults=2", Some(2), Some("2")),
        ("maxResults=2&pageToken=2", Some(1), None),
        ("startIndex=1", Some(2), None),
        ("", Some(3), None),
    ] {
        let page = get(&fixture, Service::BigQuery, &format!("{QUERIES}/mine?{query}"), &token).await;
        let page = json_body(&page);
        assert_eq!(page["rows"].as_array().map(Vec::len), rows, "{query}");
        assert_eq!(page["pageToken"].as_str(), next, "{query}");
        assert_eq!(page["totalRows"], "3");
    }
    let direct = federated(&fixture).await;
    let other = get(&fixture, Service::BigQuery, &format!("{QUERIES}/mine"), &direct).await;
    assert_eq!(
        error_message(&other),
        "PERMISSION_DENIED: Access Denied: Job shop:US.mine: User does not have bigquery.jobs.get permission for job shop:US.mine."
    );
}

#[tokio::test]
async fn invalid_queries_are_rejected() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let unreadable = "PERMISSION_DENIED: Access Denied: Table shop:hr.pay: User does not have permission to query table shop:hr.pay, or perhaps it does not exist.";
    for (query, error) in [
        ("SELECT * FROM hr.pay", unreadable),
        (
            "SELECT * FROM sales.absent",
            "NOT_FOUND: Not found: Table shop:sales.absent was not found in location US",
        ),
        ("SELECT nothing FROM sales.orders", "INVALID_ARGUMENT: Unrecognized name: nothing"),
        (
            "SELECT * FROM orders",
            "INVALID_ARGUMENT: Table \"orders\" must be qualified with a dataset (e.g. dataset.table).",
        ),
        ("SELECT * FROM sales.orders WHERE id = 1", "INVALID_ARGUMENT: Syntax error: Unexpected \"WHERE\""),
        ("DELETE sales.orders", "INVALID_ARGUMENT: Syntax error: Expected SELECT ... FROM ..."),
    ] {
        let response = post(&fixture, QUERIES, &token, &json!({"query": query, "useLegacySql": false})).await;
        assert_eq!(error_message(&response), error, "{query}");
    }
    let legacy = post(&fixture, QUERIES, &token, &json!({"query": "SELECT * FROM `sales.orders`"})).await;
    assert_eq!(
        error_message(&legacy),
        "INVALID_ARGUMENT: Syntax error: backticks are GoogleSQL: set useLegacySql to false"
    );
    let direct = federated(&fixture).await;
    let response = post(&fixture, QUERIES, &direct, &json!({"query": "SELECT * FROM sales.orders"})).await;
    let message =
        "Access Denied: Project shop: User does not have bigquery.jobs.create permission in project shop.";
    assert_eq!(
        json_body(&response)["error"],
        json!({
            "code": 403, "message": message, "status": "PERMISSION_DENIED",
            "errors": [{"message": message, "domain": "global", "reason": "accessDenied"}],
        })
    );
}

#[tokio::test]
async fn introspection_returns_principal_of_active_token() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let introspect = async |token: &str| {
        let request = form("/v1/introspect", &[("token", token)]);
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
async fn faults_are_errors_of_each_service() {
    let fixture = Fixture::new();
    let token = impersonated(&fixture).await;
    let faults = [Fault::Expired, Fault::Denied, Fault::Throttled, Fault::InternalError];
    let call = async |operation| match operation {
        Operation::AssumeRoleWithWebIdentity => fixture.assume(&[]).await,
        Operation::ExchangeToken => fixture.call(Service::GoogleSts, exchange_request("unread", &[])).await,
        Operation::GenerateAccessToken => {
            fixture.impersonate(ACCOUNT, &token, &json!({"scope": [SCOPE]})).await
        }
        Operation::Query => post(&fixture, QUERIES, &token, &json!({})).await,
        Operation::GetObject => get(&fixture, Service::Storage, "/storage/v1/b/reports/o/x", &token).await,
        other => panic!("{other:?}"),
    };
    for (operation, expected) in [
        (
            Operation::AssumeRoleWithWebIdentity,
            [
                (400, "ExpiredTokenException"),
                (403, "AccessDenied"),
                (400, "Throttling"),
                (500, "InternalFailure"),
            ],
        ),
        (
            Operation::ExchangeToken,
            [
                (400, "invalid_grant"),
                (400, "unauthorized_client"),
                (429, "quota_exceeded"),
                (500, "internal_failure"),
            ],
        ),
        (
            Operation::GenerateAccessToken,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
        (
            Operation::Query,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
        (
            Operation::GetObject,
            [
                (401, "UNAUTHENTICATED"),
                (403, "PERMISSION_DENIED"),
                (429, "RESOURCE_EXHAUSTED"),
                (500, "INTERNAL"),
            ],
        ),
    ] {
        for (fault, (status, code)) in faults.iter().zip(expected) {
            fixture.state.faults.inject(operation, Calls::All, fault.clone());
            let response = call(operation).await;
            let found = error_message(&response).split_once(':').unwrap().0;
            assert_eq!((response.status.as_u16(), found), (status, code), "{operation:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn faults_of_aws_are_errors_of_google() {
    let fixture = Fixture::new();
    for (fault, error) in [
        (
            Fault::Throttled,
            "Received invalid AWS response of type Throttling with error message: Rate exceeded",
        ),
        (
            Fault::ConnectionReset,
            "Received invalid AWS response of type Unavailable with error message: the connection was closed",
        ),
        (
            Fault::ClockSkew(3600),
            "Received invalid AWS response of type SignatureDoesNotMatch with error message: Signature expired: 20261124T080000Z is now earlier than 20261124T084500Z (20261124T090000Z - 15 min.)",
        ),
    ] {
        fixture.state.faults.inject(Operation::GetCallerIdentity, Calls::All, fault);
        assert_eq!(error_message(&fixture.exchange(&[]).await), format!("invalid_grant: {error}"));
    }
    fixture.state.faults.clear();
    assert_eq!(fixture.exchange(&[]).await.error, None);
}

#[tokio::test]
async fn events_and_debug_contain_no_secret() {
    let fixture = Fixture::new();
    let session = fixture.session(&[]).await;
    let account = impersonated(&fixture).await;
    let log = serde_json::to_string(&fixture.state.events.all()).unwrap();
    let state = format!("{:?}", fixture.state);
    for secret in [&session.secret, &session.token, &account] {
        assert!(!log.contains(secret.as_str()) && !state.contains(secret.as_str()));
    }
}
