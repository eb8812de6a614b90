//! Calls of a service with and without a valid ID token.

use serde_json::{Value, json};

use super::*;
use crate::config::Binding;
use crate::oidc::GOOGLE_ISSUER;
use crate::service::Service;
use crate::testing::*;

const HOST: &str = "orders-abc123-ew.a.run.app";

fn fixture() -> Fixture {
    let mut config = crate::testing::config();
    config.google.run_services = vec![config::RunService {
        host: HOST.to_owned(),
        bindings: vec![Binding {
            role: "roles/run.invoker".to_owned(),
            members: vec![format!("serviceAccount:{ACCOUNT}")],
        }],
        content: "no orders\n".to_owned(),
    }];
    Fixture::with(&config)
}

/// Returns the claims of a valid token with changes; null removes a claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "aud": format!("https://{HOST}"), "azp": "1", "sub": "1", "iss": GOOGLE_ISSUER, "iat": NOW.0,
        "exp": NOW.plus(3_600).0, "email": ACCOUNT, "email_verified": true,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

async fn call(fixture: &Fixture, host: &str, header: Option<(&str, String)>) -> Response {
    let mut request = http::Request::get("/orders").header("host", host);
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    fixture.call(Service::CloudRun, request.body("".into()).unwrap()).await
}

#[tokio::test]
async fn token_is_checked_as_by_cloud_run() {
    let fixture = fixture();
    let google = fixture.issuer(GOOGLE_ISSUER);
    let expired = "401: the token has expired";
    for (changes, error) in [
        (json!({}), None),
        (json!({"aud": format!("https://{HOST}/")}), None),
        (json!({"aud": HOST}), Some("401: the audience is not the service's URL")),
        (json!({"aud": "https://other.a.run.app"}), Some("401: the audience is not the service's URL")),
        (json!({"exp": NOW.0}), Some(expired)),
        (json!({"exp": NOW.0 + 1}), None),
        (json!({"iss": ISSUER}), Some("401: the issuer is not Google")),
        (json!({"email": null}), Some("401: the token has no email address")),
        (json!({"email_verified": false}), Some("401: the token has no email address")),
        (json!({"iat": null}), Some("401: a claim is missing")),
        (
            json!({"email": "archive@shop.iam.gserviceaccount.com"}),
            Some("403: The IAM principal lacks run.routes.invoke."),
        ),
    ] {
        let token = google.mint_claims(&claims(&changes)).unwrap();
        let response = call(&fixture, HOST, Some(("authorization", format!("Bearer {token}")))).await;
        assert_eq!(response.error.as_deref(), error, "{changes}");
        let expected = error.map_or(200, |error| error[..3].parse().unwrap());
        assert_eq!(response.status.as_u16(), expected, "{changes}");
    }
}

#[tokio::test]
async fn responses_have_the_words_of_googles_front_end() {
    let fixture = fixture();
    let forged = fixture.issuer(ISSUER).mint_claims(&claims(&json!({}))).unwrap();
    let valid = fixture.issuer(GOOGLE_ISSUER).mint_claims(&claims(&json!({}))).unwrap();
    let forbidden = "Your client does not have permission to get URL <code>/orders</code> from this server.";
    let unauthorized = "Your client does not have permission to the requested URL <code>/orders</code>.";
    for (host, header, status, text) in [
        (HOST, None, 403, forbidden),
        (HOST, Some(("authorization", "Bearer ya29.token".to_owned())), 401, unauthorized),
        (HOST, Some(("authorization", format!("Bearer {forged}"))), 401, unauthorized),
        (HOST, Some(("x-serverless-authorization", format!("Bearer {valid}"))), 200, "no orders\n"),
        (
            "other.a.run.app",
            Some(("authorization", format!("Bearer {valid}"))),
            404,
            "not found on this server",
        ),
    ] {
        let response = call(&fixture, host, header).await;
        assert!(body_text(&response).contains(text), "{response:?}");
        assert_eq!(response.status, status);
        assert_eq!(response.headers.contains_key("www-authenticate"), status == 401);
    }
    let event = fixture.state.events.all().into_iter().find(|event| event.status == 200).unwrap();
    let principal = format!("serviceAccount:{ACCOUNT}");
    assert_eq!(event.detail, Detail::ServiceInvoked { principal, host: HOST.to_owned() });
}
