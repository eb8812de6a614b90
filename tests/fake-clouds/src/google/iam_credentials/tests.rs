//! ID tokens, and chains of delegates.

use serde_json::{Value, json};

use crate::events::Detail;
use crate::state::Service;
use crate::testing::*;
use crate::wire::Answer;

const ARCHIVE: &str = "archive@shop.iam.gserviceaccount.com";
const AUDIENCE: &str = "https://orders-abc123-ew.a.run.app";

async fn federated(fixture: &Fixture, changes: &[(&str, Option<&str>)]) -> String {
    let session = fixture.session(changes).await;
    let token = subject_token(&signed(&session, NOW, &audience(PROVIDER)));
    let answer = fixture.call(Service::GoogleSts, exchange_request(&token, &[])).await;
    parsed(&answer)["access_token"].as_str().unwrap().to_owned()
}

async fn id_token(fixture: &Fixture, email: &str, token: &str, body: &Value) -> Answer {
    let path = format!("/v1/projects/-/serviceAccounts/{email}:generateIdToken");
    let mut request = http::Request::post(path).body(body.to_string().into()).unwrap();
    bear(&mut request, token);
    fixture.call(Service::IamCredentials, request).await
}

fn denied(permission: &str) -> String {
    format!("PERMISSION_DENIED: Permission '{permission}' denied on resource (or it may not exist).")
}

#[tokio::test]
async fn what_an_id_token_says() {
    let fixture = Fixture::new();
    let federated = federated(&fixture, &[]).await;
    let google = fixture.issuer("https://accounts.google.com");
    for include_email in [json!(false), json!(null), json!(true)] {
        let body = json!({"audience": AUDIENCE, "includeEmail": include_email, "delegates": null});
        let answer = id_token(&fixture, ACCOUNT, &federated, &body).await;
        let mut claims = google.claims(parsed(&answer)["token"].as_str().unwrap()).unwrap();
        let id = claims["sub"].take();
        assert!(id.as_str().is_some_and(|id| id.len() == 21));
        assert_eq!(claims["azp"].take(), id);
        let mut wanted = json!({
            "aud": AUDIENCE,
            "azp": null,
            "exp": NOW.plus(3_600).0,
            "iat": NOW.0,
            "iss": "https://accounts.google.com",
            "sub": null,
        });
        if include_email == true {
            wanted["email"] = json!(ACCOUNT);
            wanted["email_verified"] = json!(true);
        }
        assert_eq!(claims, wanted, "includeEmail: {include_email}");
        let Detail::IdTokenGiven { service_account, audience, .. } = answer.detail else {
            panic!("no token")
        };
        assert_eq!((service_account.as_str(), audience.as_str()), (ACCOUNT, AUDIENCE));
    }
}

#[tokio::test]
async fn id_tokens_that_are_refused() {
    let fixture = Fixture::new();
    let federated = federated(&fixture, &[]).await;
    let invalid = "INVALID_ARGUMENT: Request contains an invalid argument.";
    for (email, body, error) in [
        (ACCOUNT, json!({}), invalid.to_owned()),
        (ACCOUNT, json!({"audience": ""}), invalid.to_owned()),
        (ARCHIVE, json!({"audience": AUDIENCE}), denied("iam.serviceAccounts.getOpenIdToken")),
    ] {
        let answer = id_token(&fixture, email, &federated, &body).await;
        assert_eq!(refusal(&answer), error, "{body}");
    }
    let answer = id_token(&fixture, ACCOUNT, "ya29.forged", &json!({"audience": AUDIENCE})).await;
    assert_eq!(answer.status, 401);
    let unknown = id_token(&fixture, "a:b", &federated, &json!({"scope": []})).await;
    assert!(refusal(&unknown).starts_with("INVALID_ARGUMENT: Invalid JSON payload received. unknown field"));
}

/// As gRPC's C-core asks, which does not encode the scope.
#[tokio::test]
async fn an_access_token_by_a_form() {
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
        bear(&mut request, &federated);
        let answer = fixture.call(Service::IamCredentials, request).await;
        assert_eq!(answer.error, error, "{body}");
        let wanted = expires.map_or(json!(null), |seconds| json!(NOW.plus(seconds)));
        assert_eq!(parsed(&answer)["expireTime"], wanted, "{body}");
    }
}

/// Whoever passes on needs the right to, which `roles/iam.workloadIdentityUser` does not give.
#[tokio::test]
async fn a_chain_needs_the_token_creator_all_along() {
    let fixture = Fixture::new();
    let may = federated(&fixture, &[]).await;
    let may_not = federated(&fixture, &[("RoleSessionName", Some("shop.other"))]).await;
    let scope = "https://www.googleapis.com/auth/cloud-platform";
    let delegates = json!([format!("projects/-/serviceAccounts/{ACCOUNT}")]);
    for (token, error) in [(may, None), (may_not, Some(denied("iam.serviceAccounts.implicitDelegation")))] {
        let body = json!({"audience": AUDIENCE, "delegates": delegates});
        let answer = id_token(&fixture, ARCHIVE, &token, &body).await;
        assert_eq!(answer.error, error);
        let body = json!({"scope": [scope], "delegates": delegates});
        assert_eq!(fixture.impersonate(ARCHIVE, &token, &body).await.error, error);
        let own = fixture.impersonate(ACCOUNT, &token, &json!({"scope": [scope]})).await;
        assert_eq!(own.error, None, "either may act as the first account itself");
    }
}
