//! Calls of an application with and without a valid ID token.

use serde_json::{Value, json};

use super::*;
use crate::config::Binding;
use crate::oidc::GOOGLE_ISSUER;
use crate::service::Service;
use crate::testing::*;

const HOST: &str = "orders.example.com";
const CLIENT: &str = "123456789012-orders.apps.googleusercontent.com";
const AUDIENCE: &str = "401: Invalid IAP credentials: Invalid bearer token. Invalid JWT audience.";
const SIGNATURE: &str = "401: Invalid IAP credentials: JWT signature is invalid";
const EMAIL: &str = "401: Invalid IAP credentials: JWT 'email' claim isn't a string";
const EXPIRED: &str = "401: OpenID Connect token expired: JWT has expired";

fn fixture() -> Fixture {
    let mut config = crate::testing::config();
    config.google.iap_applications = vec![config::IapApplication {
        host: HOST.to_owned(),
        client_ids: vec![CLIENT.to_owned(), "allowed.apps.googleusercontent.com".to_owned()],
        bindings: vec![Binding {
            role: "roles/iap.httpsResourceAccessor".to_owned(),
            members: vec![format!("serviceAccount:{ACCOUNT}")],
        }],
        content: "no orders\n".to_owned(),
    }];
    Fixture::with(&config)
}

/// Returns a token of an issuer with a valid token's claims and changes; null removes a claim.
fn token(fixture: &Fixture, issuer: &str, changes: &Value) -> String {
    let mut claims = json!({
        "aud": CLIENT, "azp": "1", "sub": "1", "iss": GOOGLE_ISSUER, "iat": NOW.0,
        "exp": NOW.plus(3_600).0, "email": ACCOUNT, "email_verified": true,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    fixture.issuer(issuer).mint_claims(&claims).unwrap()
}

async fn call(fixture: &Fixture, method: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http::Request::builder().method(method).uri("/orders");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", HOST);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fixture.call(Service::Iap, request.body("".into()).unwrap()).await
}

#[tokio::test]
async fn token_is_checked_as_by_iap() {
    let fixture = fixture();
    for (changes, error) in [
        (json!({}), None),
        (json!({"aud": "allowed.apps.googleusercontent.com"}), None),
        (json!({"aud": format!("https://{HOST}")}), Some(AUDIENCE)),
        (json!({"aud": format!("https://{HOST}/*")}), Some(AUDIENCE)),
        (json!({"aud": "/projects/1/global/backendServices/2"}), Some(AUDIENCE)),
        (json!({"exp": NOW.0}), Some(EXPIRED)),
        (json!({"exp": NOW.0 + 1}), None),
        (json!({"iat": NOW.0 + 1}), Some(EXPIRED)),
        (json!({"iss": ISSUER}), Some(SIGNATURE)),
        (json!({"email": null}), Some(EMAIL)),
        (json!({"email_verified": false}), Some(EMAIL)),
        (json!({"aud": null}), Some("401: Invalid IAP credentials: Unable to parse JWT")),
        (json!({"email": "archive@shop.iam.gserviceaccount.com"}), Some("403: You don't have access")),
    ] {
        let bearer = format!("Bearer {}", token(&fixture, GOOGLE_ISSUER, &changes));
        for name in ["authorization", "proxy-authorization"] {
            let response = call(&fixture, "GET", &[(name, &bearer)]).await;
            assert_eq!(response.error.as_deref(), error, "{changes}");
            let expected = error.map_or(200, |error| error[..3].parse().unwrap());
            assert_eq!(response.status.as_u16(), expected, "{changes}");
            assert_eq!(response.headers.contains_key(GENERATED), error.is_some(), "{changes}");
        }
    }
    let principal = format!("serviceAccount:{ACCOUNT}");
    let event = fixture.state.events.all().into_iter().find(|event| event.status == 200).unwrap();
    assert_eq!(event.detail, Detail::IapPassed { principal, host: HOST.to_owned() });
}

#[tokio::test]
async fn valid_token_in_proxy_authorization_decides() {
    let fixture = fixture();
    let valid = format!("Bearer {}", token(&fixture, GOOGLE_ISSUER, &json!({})));
    let forged = format!("Bearer {}", token(&fixture, ISSUER, &json!({})));
    for (proxy, own, error) in [
        (&*valid, "Bearer of-the-application", None),
        (&*valid, "Basic YTpi", None),
        (&*forged, &*valid, None),
        (&*forged, "Bearer x", Some("401: Invalid IAP credentials: Unable to parse JWT")),
        (&*forged, "Basic YTpi", Some(SIGNATURE)),
        ("Bearer ya29.token", &*forged, Some(SIGNATURE)),
    ] {
        let headers = [("proxy-authorization", proxy), ("authorization", own)];
        let response = call(&fixture, "GET", &headers).await;
        assert_eq!(response.error.as_deref(), error, "{headers:?}");
    }
}

#[tokio::test]
async fn call_without_token_leads_to_the_sign_in_if_the_client_takes_html() {
    let fixture = fixture();
    for (method, accept, status) in [
        ("GET", "*/*", 302),
        ("GET", "text/html,*/*", 302),
        ("GET", "application/json", 401),
        ("POST", "*/*", 401),
    ] {
        let response = call(&fixture, method, &[("accept", accept)]).await;
        assert_eq!(response.status, status, "{method} {accept}");
        assert_eq!(body_text(&response), EMPTY_TOKEN);
        assert_eq!(response.headers.contains_key(LOCATION), status == 302);
    }
    assert_eq!(call(&fixture, "GET", &[]).await.status, 401);
    assert_eq!(call(&fixture, "GET", &[("host", "other.example.com")]).await.status, 404);
}
