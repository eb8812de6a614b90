//! A cluster's own tokens at Google STS: exchanges and error messages.

use serde_json::{Value, json};

use crate::events::{Detail, SubjectToken};
use crate::operation::Operation;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Response;

const CLUSTER: &str = "projects/123456/locations/global/workloadIdentityPools/kubernetes/providers/cluster";
const POOL: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/kubernetes";
const SUBJECT: &str = "system:serviceaccount:shop:nightly";

/// Returns the claims of a projected token with the provider's own audience, changed by `changes`; `null` removes a
/// claim.
fn claims(changes: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER,
        "sub": SUBJECT,
        "aud": [format!("https:{}", audience(CLUSTER))],
        "iat": NOW.0,
        "exp": NOW.plus(3_600).0,
        "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "nightly"}},
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

async fn exchange(fixture: &Fixture, provider: &str, token: &str) -> Response {
    let audience = audience(provider);
    let changes = [
        ("audience", Some(audience.as_str())),
        ("subject_token_type", Some("urn:ietf:params:oauth:token-type:jwt")),
    ];
    fixture.call(Service::GoogleSts, exchange_request(token, &changes)).await
}

async fn exchange_claims(fixture: &Fixture, changes: &Value) -> Response {
    let token = fixture.issuer(ISSUER).mint_claims(&claims(changes)).unwrap();
    exchange(fixture, CLUSTER, &token).await
}

#[tokio::test]
async fn jwt_is_exchanged_and_used_for_impersonation() {
    let fixture = Fixture::new();
    let response = exchange_claims(&fixture, &json!({})).await;
    let federated = json_body(&response)["access_token"].as_str().unwrap().to_owned();
    let Detail::TokenExchanged(detail) = &response.detail else { panic!("{response:?}") };
    assert_eq!(detail.principal, format!("principal:{POOL}/subject/{SUBJECT}"));
    assert_eq!(detail.attributes["attribute.namespace"], "shop");
    assert_eq!(detail.subject_token, SubjectToken::Jwt { issuer: ISSUER.to_owned() });
    let scope = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"]});
    let response = fixture.impersonate(ACCOUNT, &federated, &scope).await;
    assert_eq!(response.error, None, "the account trusts the namespace");
    assert_eq!(fixture.state.faults.calls(Operation::GetCallerIdentity), 0, "AWS was not called");
}

#[tokio::test]
async fn exchange_accepts_both_token_types_and_audience_formats() {
    let fixture = Fixture::new();
    for kind in ["jwt", "id_token"] {
        for aud in [json!(audience(CLUSTER)), json!(["other", format!("https:{}", audience(CLUSTER))])] {
            let token = fixture.issuer(ISSUER).mint_claims(&claims(&json!({"aud": aud}))).unwrap();
            let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
            let provider = audience(CLUSTER);
            let changes =
                [("audience", Some(provider.as_str())), ("subject_token_type", Some(kind.as_str()))];
            let response = fixture.call(Service::GoogleSts, exchange_request(&token, &changes)).await;
            assert_eq!(response.error, None, "{kind} {aud}");
        }
    }
}

#[tokio::test]
async fn federated_token_does_not_outlive_the_subject_token() {
    let fixture = Fixture::new();
    for (left, expires_in) in
        [(86_400, json!(3_600)), (3_600, json!(3_600)), (600, json!(600)), (2, json!(null))]
    {
        let response = exchange_claims(&fixture, &json!({"exp": NOW.plus(left).0})).await;
        assert_eq!(
            (response.status.as_u16(), &json_body(&response)["expires_in"]),
            (200, &expires_in),
            "{left} s"
        );
    }
    for left in [1, 0, -60] {
        let response = exchange_claims(&fixture, &json!({"exp": NOW.plus(left).0})).await;
        assert_eq!(response.status, 500, "{left} s");
    }
    // A token may be a day old; a minute of clock skew is tolerated.
    for issued in [-86_400, 60] {
        let response = exchange_claims(&fixture, &json!({"iat": NOW.plus(issued).0})).await;
        assert_eq!(response.error, None, "{issued} s");
    }
}

#[tokio::test]
async fn exchange_rejects_invalid_claims() {
    let fixture = Fixture::new();
    let stale = format!("ID Token issued at {} is stale to sign-in.", NOW.0);
    let issuer = |found: &str| {
        format!("The issuer in ID Token {found} does not match the expected one in config: {ISSUER}.")
    };
    let grant = "invalid_grant";
    for (changes, code, description) in [
        (json!({"iss": null}), grant, issuer("null")),
        (json!({"iss": OTHER_ISSUER}), grant, issuer(OTHER_ISSUER)),
        (
            json!({"aud": null}),
            grant,
            "The audience in ID Token [] does not match the expected audience.".to_owned(),
        ),
        (
            json!({"aud": ["sts.amazonaws.com", "x"]}),
            grant,
            "The audience in ID Token [sts.amazonaws.com, x] does not match the expected audience."
                .to_owned(),
        ),
        (json!({"iat": null}), grant, "ID Token issued at null is stale to sign-in.".to_owned()),
        (json!({"exp": null}), grant, stale.clone()),
        (json!({"exp": NOW.plus(-61).0}), grant, stale),
        (
            json!({"iat": NOW.plus(61).0}),
            grant,
            format!("ID Token issued at {} is stale to sign-in.", NOW.plus(61).0),
        ),
        (json!({"iat": "today"}), grant, "Unable to parse the ID Token.".to_owned()),
        (
            json!({"sub": "user"}),
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.".to_owned(),
        ),
        (
            json!({"sub": 7}),
            "unauthorized_client",
            "Could not obtain a value for google.subject from the given credential.".to_owned(),
        ),
    ] {
        let response = exchange_claims(&fixture, &changes).await;
        assert_eq!(error_message(&response), format!("{code}: {description}"), "{changes}");
        assert_eq!(response.status, 400);
    }
}

#[tokio::test]
async fn exchange_rejects_invalid_signatures() {
    let fixture = Fixture::new();
    let valid = fixture.issuer(ISSUER).mint_claims(&claims(&json!({}))).unwrap();
    let other = fixture.issuer(OTHER_ISSUER).mint_claims(&claims(&json!({}))).unwrap();
    let (signed, _) = valid.rsplit_once('.').unwrap();
    let own_audience = provider("own-audience");
    let unreachable = provider("unreachable");
    let unknown_issuer = claims(&json!({"iss": ISSUER.replace("0123456789ABCDEF", "0000000000000000")}));
    let unknown_issuer = fixture.issuer(ISSUER).mint_claims(&unknown_issuer).unwrap();
    for (case, provider, token, error) in [
        ("no token", CLUSTER, "x", "Unable to parse the ID Token."),
        ("another key", CLUSTER, &other, "Error connecting to the given credential's issuer."),
        ("no signature", CLUSTER, &format!("{signed}."), "Unable to verify the ID Token signature."),
        (
            "no such issuer",
            &unreachable,
            &unknown_issuer,
            "Error connecting to the given credential's issuer.",
        ),
        (
            "provider with its own audiences",
            &own_audience,
            &valid,
            &format!(
                "The audience in ID Token [https:{}] does not match the expected audience.",
                audience(CLUSTER)
            ),
        ),
    ] {
        let response = exchange(&fixture, provider, token).await;
        assert_eq!(error_message(&response), format!("invalid_grant: {error}"), "{case}");
    }
}

#[tokio::test]
async fn provider_rejects_other_token_type() {
    let fixture = Fixture::new();
    let token = fixture.issuer(ISSUER).mint_claims(&claims(&json!({}))).unwrap();
    let error = "invalid_request: Invalid value for \"subject_token_type\": it should be ";
    let response = exchange(&fixture, PROVIDER, &token).await;
    assert_eq!(error_message(&response), format!("{error}urn:ietf:params:aws:token-type:aws4_request."));
    let cluster = audience(CLUSTER);
    let response = fixture.exchange(&[("audience", Some(&cluster))]).await;
    assert_eq!(error_message(&response), format!("{error}urn:ietf:params:oauth:token-type:jwt."));
}

/// Uploaded keys replace those of the issuer, which Google then does not fetch.
#[tokio::test]
async fn uploaded_keys_verify_tokens() {
    let keys = |url: &str| Fixture::new().issuer(url).jwks().to_string();
    let mut config = config();
    let index = config.google.providers.iter().position(|provider| provider.name == CLUSTER).unwrap();
    let jwks = |json: String, config: &mut crate::config::Config| {
        config.google.providers[index].oidc.as_mut().unwrap().jwks_json = Some(json);
    };
    jwks(keys(OTHER_ISSUER), &mut config);
    let response = exchange_claims(&Fixture::with(&config), &json!({})).await;
    assert_eq!(error_message(&response), "invalid_grant: Unable to verify the ID Token signature.");
    for (json, error) in [
        ("[", "Input JWK is not in a valid json format"),
        (r#"{"keys":[{"kty":"oct","k":"AA"}]}"#, "Invalid JWKs. Only RSA, EC key types are supported."),
    ] {
        jwks(json.to_owned(), &mut config);
        let result = crate::google::Google::new(
            &config.google,
            std::sync::Arc::new(crate::oidc::Issuers::new(&config).unwrap()),
        );
        let problem = result.unwrap_err().to_string();
        assert!(problem.contains(error), "{problem}");
    }
}

fn provider(name: &str) -> String {
    CLUSTER.replace("/cluster", &format!("/{name}"))
}
