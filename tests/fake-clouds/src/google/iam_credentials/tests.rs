//! ID tokens, signatures, and chains of delegates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Response;

const ARCHIVE: &str = "archive@shop.iam.gserviceaccount.com";
const AUDIENCE: &str = "https://orders-abc123-ew.a.run.app";

async fn federated(fixture: &Fixture, changes: &[(&str, Option<&str>)]) -> String {
    let session = fixture.session(changes).await;
    let token = subject_token(&signed_caller_identity(&session, NOW, &audience(PROVIDER)));
    let response = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
    json_body(&response)["access_token"].as_str().unwrap().to_owned()
}

async fn id_token(fixture: &Fixture, email: &str, token: &str, body: &Value) -> Response {
    let path = format!("/v1/projects/-/serviceAccounts/{email}:generateIdToken");
    let mut request = http::Request::post(path).body(body.to_string().into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(Service::IamCredentials, request).await
}

fn denied(permission: &str) -> String {
    format!("PERMISSION_DENIED: Permission '{permission}' denied on resource (or it may not exist).")
}

#[tokio::test]
async fn id_token_has_requested_claims() {
    let fixture = Fixture::new();
    let federated = federated(&fixture, &[]).await;
    let google = fixture.issuer("https://accounts.google.com");
    for include_email in [json!(false), json!(null), json!(true)] {
        let body = json!({"audience": AUDIENCE, "includeEmail": include_email, "delegates": null});
        let response = id_token(&fixture, ACCOUNT, &federated, &body).await;
        let mut claims = google.claims(json_body(&response)["token"].as_str().unwrap()).unwrap();
        let id = claims["sub"].take();
        assert!(id.as_str().is_some_and(|id| id.len() == 21));
        assert_eq!(claims["azp"].take(), id);
        let mut expected = json!({
            "aud": AUDIENCE,
            "azp": null,
            "exp": NOW.plus(3_600).0,
            "iat": NOW.0,
            "iss": "https://accounts.google.com",
            "sub": null,
        });
        if include_email == true {
            expected["email"] = json!(ACCOUNT);
            expected["email_verified"] = json!(true);
        }
        assert_eq!(claims, expected, "includeEmail: {include_email}");
        let Detail::IdTokenIssued { service_account, audience, .. } = response.detail else {
            panic!("no token")
        };
        assert_eq!((service_account.as_str(), audience.as_str()), (ACCOUNT, AUDIENCE));
    }
}

#[tokio::test]
async fn id_token_rejects_invalid_requests() {
    let fixture = Fixture::new();
    let federated = federated(&fixture, &[]).await;
    let invalid = "INVALID_ARGUMENT: Request contains an invalid argument.";
    for (email, body, error) in [
        (ACCOUNT, json!({}), invalid.to_owned()),
        (ACCOUNT, json!({"audience": ""}), invalid.to_owned()),
        (ARCHIVE, json!({"audience": AUDIENCE}), denied("iam.serviceAccounts.getOpenIdToken")),
    ] {
        let response = id_token(&fixture, email, &federated, &body).await;
        assert_eq!(error_message(&response), error, "{body}");
    }
    let response = id_token(&fixture, ACCOUNT, "ya29.forged", &json!({"audience": AUDIENCE})).await;
    assert_eq!(response.status, 401);
    let unknown = id_token(&fixture, "a:b", &federated, &json!({"scope": []})).await;
    assert!(
        error_message(&unknown).starts_with("INVALID_ARGUMENT: Invalid JSON payload received. unknown field")
    );
}

/// gRPC's C-core sends such a form, without encoding the scope.
#[tokio::test]
async fn access_token_accepts_form_body() {
    let fixture = Fixture::new();
    let federated = federated(&fixture, &[]).await;
    let path = format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken");
    let scope = "scope=https://www.googleapis.com/auth/cloud-platform";
    let invalid = "INVALID_ARGUMENT: Request contains an invalid argument.";
    let unknown = |name| {
        format!(
            "INVALID_ARGUMENT: Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. \
             Field '{name}' could not be found in request message."
        )
    };
    for (body, expires, error) in [
        (scope.to_owned(), Some(3_600), None),
        (format!("{scope}&lifetime=600s"), Some(600), None),
        (format!("{scope}&scopes=x"), None, Some(unknown("scopes"))),
        ("{\"scope\":[]}".to_owned(), None, Some(unknown("{\"scope\":[]}"))),
        ("lifetime=600s".to_owned(), None, Some(invalid.to_owned())),
        (
            format!("{scope}&delegates=projects/-/serviceAccounts/{ARCHIVE}"),
            None,
            Some(denied("iam.serviceAccounts.implicitDelegation")),
        ),
    ] {
        let mut request = form(&path, &[]);
        *request.body_mut() = body.clone().into();
        set_bearer_token(&mut request, &federated);
        let response = fixture.call(Service::IamCredentials, request).await;
        assert_eq!(response.error, error, "{body}");
        let expected = expires.map_or(json!(null), |seconds| json!(NOW.plus(seconds)));
        assert_eq!(json_body(&response)["expireTime"], expected, "{body}");
    }
}

/// Every caller in a chain needs the right to delegate, which `roles/iam.workloadIdentityUser` does not grant.
#[tokio::test]
async fn delegation_requires_token_creator_for_every_link() {
    let fixture = Fixture::new();
    let token_creator = federated(&fixture, &[]).await;
    let identity_user = federated(&fixture, &[("RoleSessionName", Some("shop.other"))]).await;
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    let delegates = json!([format!("projects/-/serviceAccounts/{ACCOUNT}")]);
    for (token, error) in
        [(token_creator, None), (identity_user, Some(denied("iam.serviceAccounts.implicitDelegation")))]
    {
        let body = json!({"audience": AUDIENCE, "delegates": delegates});
        let response = id_token(&fixture, ARCHIVE, &token, &body).await;
        assert_eq!(response.error, error);
        let body = json!({"scope": [scope], "delegates": delegates});
        assert_eq!(fixture.impersonate(ARCHIVE, &token, &body).await.error, error);
        let first = fixture.impersonate(ACCOUNT, &token, &json!({"scope": [scope]})).await;
        assert_eq!(first.error, None, "both callers may impersonate the first account");
    }
}

async fn sign_blob(fixture: &Fixture, email: &str, token: &str, body: &Value) -> Response {
    let path = format!("/v1/projects/-/serviceAccounts/{email}:signBlob");
    let mut request = http::Request::post(path).body(body.to_string().into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(Service::IamCredentials, request).await
}

/// Only `roles/iam.serviceAccountTokenCreator` has the permission: an account that may be impersonated does not sign yet.
#[tokio::test]
async fn sign_blob_requires_token_creator() {
    let fixture = Fixture::new();
    let token_creator = federated(&fixture, &[]).await;
    let identity_user = federated(&fixture, &[("RoleSessionName", Some("shop.other"))]).await;
    let scope = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"]});
    let account =
        json_body(&fixture.impersonate(ACCOUNT, &token_creator, &scope).await)["accessToken"].clone();
    let account = account.as_str().unwrap().to_owned();
    let denied = Some(denied("iam.serviceAccounts.signBlob"));
    let delegates = json!([format!("projects/-/serviceAccounts/{ACCOUNT}")]);
    for (token, email, delegates, error) in [
        (&token_creator, ACCOUNT, json!(null), None),
        (&token_creator, ARCHIVE, delegates, None),
        (&account, ARCHIVE, json!([]), None),
        (&identity_user, ACCOUNT, json!([]), denied.clone()),
        (&account, ACCOUNT, json!([]), denied.clone()),
        (&token_creator, "absent@shop.iam.gserviceaccount.com", json!([]), denied),
    ] {
        let response =
            sign_blob(&fixture, email, token, &json!({"payload": "dGV4dA==", "delegates": delegates})).await;
        assert_eq!(response.error, error, "{email}");
        if error.is_none() {
            let body = json_body(&response);
            let key = &fixture.state.google.service_accounts.find(email).unwrap().key;
            let signature = STANDARD.decode(body["signedBlob"].as_str().unwrap()).unwrap();
            assert!(key.verify(b"text", &signature), "{email}");
            assert_eq!(body["keyId"], key.id());
            let Detail::BlobSigned { service_account, .. } = response.detail else { panic!("no signature") };
            assert_eq!(service_account, email);
        }
    }
}

#[tokio::test]
async fn sign_blob_rejects_invalid_requests() {
    let fixture = Fixture::new();
    let token = federated(&fixture, &[]).await;
    let invalid = "INVALID_ARGUMENT: Request contains an invalid argument.";
    let decoding =
        "INVALID_ARGUMENT: Invalid value at 'payload' (TYPE_BYTES), Base64 decoding failed for \"te xt\"";
    for (body, error) in
        [(json!({}), invalid), (json!({"payload": ""}), invalid), (json!({"payload": "te xt"}), decoding)]
    {
        assert_eq!(error_message(&sign_blob(&fixture, ACCOUNT, &token, &body).await), error, "{body}");
    }
    let unknown = sign_blob(&fixture, ACCOUNT, &token, &json!({"bytesToSign": "dGV4dA=="})).await;
    assert!(error_message(&unknown).contains("unknown field"), "{unknown:?}");
    let forged = sign_blob(&fixture, ACCOUNT, "ya29.forged", &json!({"payload": "dGV4dA=="})).await;
    assert_eq!(forged.status, 401);
}
