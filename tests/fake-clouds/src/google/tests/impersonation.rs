//! Access tokens of service accounts.

use serde_json::json;

use super::*;
use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;

#[tokio::test]
async fn impersonation_returns_access_token() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let body = json!({"scope": [SCOPE], "lifetime": "1800s", "delegates": []});
    let response = fixture.impersonate(ACCOUNT, &token, &body).await;
    assert!(json_body(&response)["accessToken"].as_str().unwrap().starts_with("ya29.c."));
    assert_eq!(json_body(&response)["expireTime"], "2026-11-24T08:30:00Z");
    let principal = format!(
        "principal://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/subject/{SUBJECT}"
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

/// The schemas of the discovery document have these two properties. The values are those of no boundary.
#[tokio::test]
async fn allowed_locations_are_not_limited() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let pool = PROVIDER.split_once("/providers/").unwrap().0;
    for (name, status) in [
        (format!("projects/-/serviceAccounts/{ACCOUNT}"), 200),
        (pool.to_owned(), 200),
        ("projects/-/serviceAccounts/absent@shop.iam.gserviceaccount.com".to_owned(), 404),
        (format!("{pool}x"), 404),
        (format!("{PROVIDER}x"), 404),
    ] {
        let path = format!("/v1/{name}/allowedLocations");
        let response = get(&fixture, Service::IamCredentials, &path, &token).await;
        assert_eq!(response.status, status, "{name}");
        if status == 200 {
            assert_eq!(json_body(&response), json!({"locations": [], "encodedLocations": "0x0"}));
        }
    }
    let path = format!("/v1/{pool}/allowedLocations");
    assert_eq!(get(&fixture, Service::IamCredentials, &path, "ya29.forged").await.status, 401);
}
