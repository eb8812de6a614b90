//! The admin APIs as gcloud calls them, and what the other services make of the result.

use http::Method;
use rstest::rstest;
use serde_json::{Value, json};

use crate::config::{Binding, Operator, Project};
use crate::service::Service;
use crate::testing::*;

const OWNER: &str = "ya29.owner";
const STRANGER: &str = "ya29.stranger";
const POOL: &str = "/v1/projects/shop/locations/global/workloadIdentityPools/new-pool";

fn fixture() -> Fixture {
    let mut config = config();
    let project = |id: &str, number: &str, owner: &str| Project {
        id: id.to_owned(),
        number: Some(number.to_owned()),
        bindings: vec![Binding { role: "roles/owner".to_owned(), members: vec![format!("user:{owner}")] }],
        datasets: Vec::new(),
    };
    config.google.projects.retain(|project| project.id != "shop");
    config.google.projects.push(project("shop", "123456", "owner@example.com"));
    config.google.projects.push(project("other", "654321", "stranger@example.com"));
    for (email, token) in [("owner@example.com", OWNER), ("stranger@example.com", STRANGER)] {
        config.google.operators.push(Operator { email: email.to_owned(), token: token.to_owned() });
    }
    Fixture::with(&config)
}

async fn call(fixture: &Fixture, token: &str, method: Method, url: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = http::Request::builder().method(method).uri(url).body(body.into()).unwrap();
    set_bearer_token(&mut request, token);
    let response = fixture.call(Service::GoogleAdmin, request).await;
    (response.status.as_u16(), json_body(&response))
}

/// Creates a pool and a provider of type AWS.
async fn create_provider(fixture: &Fixture) {
    let pools = POOL.strip_suffix("/new-pool").unwrap();
    let url = format!("{pools}?workloadIdentityPoolId=new-pool");
    assert_eq!(call(fixture, OWNER, Method::POST, &url, json!({"disabled": false})).await.0, 200);
    let url = format!("{POOL}/providers?workloadIdentityPoolProviderId=prod");
    let (status, answer) =
        call(fixture, OWNER, Method::POST, &url, json!({"aws": {"accountId": "123456789012"}})).await;
    assert_eq!((status, &answer["done"]), (200, &json!(false)), "{answer}");
    let operation = format!("/v1/{}", answer["name"].as_str().unwrap());
    let (_, answer) = call(fixture, OWNER, Method::GET, &operation, Value::Null).await;
    assert_eq!(
        answer["response"]["name"],
        POOL.replace("/v1/projects/shop", "projects/123456") + "/providers/prod"
    );
}

#[tokio::test]
async fn created_provider_exchanges_tokens_until_it_is_disabled() {
    let fixture = fixture();
    create_provider(&fixture).await;
    let name = POOL.replace("/v1/projects/shop", "projects/123456") + "/providers/prod";
    let exchange = async || {
        let session = fixture.session(&[]).await;
        let token = subject_token(&signed_caller_identity(&session, NOW, &audience(&name)));
        let request = exchange_request(&token, &[("audience", Some(&audience(&name)))]);
        let response = fixture.call(Service::GoogleSts, request).await;
        response.status.as_u16()
    };
    assert_eq!(exchange().await, 200);
    let provider = format!("{POOL}/providers/prod");
    for (url, method, body, status) in [
        (format!("{provider}?updateMask=disabled"), Method::PATCH, json!({"disabled": true}), 400),
        (format!("{provider}?updateMask=disabled"), Method::PATCH, json!({"disabled": false}), 200),
        (provider.clone(), Method::DELETE, Value::Null, 400),
        (format!("{provider}:undelete"), Method::POST, json!({}), 200),
        (format!("{POOL}?updateMask=disabled"), Method::PATCH, json!({"disabled": true}), 400),
    ] {
        let (changed, answer) = call(&fixture, OWNER, method, &url, body).await;
        assert_eq!(changed, 200, "{answer}");
        assert_eq!(exchange().await, status, "{url}");
    }
}

#[tokio::test]
async fn update_changes_exactly_the_masked_fields() {
    let fixture = fixture();
    create_provider(&fixture).await;
    let provider = format!("{POOL}/providers/prod");
    for (mask, body, field, expected) in [
        (
            "attributeCondition",
            json!({"attributeCondition": "assertion.arn != 'x'", "disabled": true}),
            "disabled",
            Value::Null,
        ),
        (
            "attributeMapping",
            json!({"attributeMapping": {"google.subject": "assertion.arn"}}),
            "attributeMapping",
            json!({"google.subject": "assertion.arn"}),
        ),
        ("attributeMapping", json!({}), "attributeMapping", Value::Null),
        ("displayName", json!({"displayName": "shop"}), "attributeCondition", json!("assertion.arn != 'x'")),
    ] {
        let url = format!("{provider}?updateMask={mask}");
        let (status, answer) = call(&fixture, OWNER, Method::PATCH, &url, body).await;
        assert_eq!(status, 200, "{answer}");
        let (_, found) = call(&fixture, OWNER, Method::GET, &provider, Value::Null).await;
        assert_eq!(found[field], expected, "{mask}: {found}");
    }
}

#[rstest]
#[case::no_token("none", Method::GET, "/v1/projects/shop", json!(null), 401, "Request had invalid authentication")]
#[case::foreign_project(OWNER, Method::GET, "/v1/projects/other", json!(null), 403, "The caller does not have permission")]
#[case::foreign_pool(
    STRANGER, Method::GET, POOL, json!(null), 403,
    "Permission 'iam.workloadIdentityPools.get' denied on resource '//iam.googleapis.com/projects/shop/locations/global\
     /workloadIdentityPools/new-pool' (or it may not exist)."
)]
#[case::no_pool(OWNER, Method::GET, POOL, json!(null), 404, "Requested entity was not found.")]
#[case::short_id(
    OWNER, Method::POST, "/v1/projects/shop/locations/global/workloadIdentityPools?workloadIdentityPoolId=aws",
    json!({}), 400, "workloadIdentityPoolId: expected 4 to 32"
)]
#[case::existing_pool(
    OWNER, Method::POST, "/v1/projects/shop/locations/global/workloadIdentityPools?workloadIdentityPoolId=aws-pool",
    json!({}), 409, "Requested entity already exists"
)]
#[case::no_mask(
    OWNER, Method::PATCH, "/v1/projects/shop/locations/global/workloadIdentityPools/aws-pool",
    json!({}), 400, "The update_mask field is required."
)]
#[case::service_account_of_another_project(
    STRANGER, Method::POST, "/v1/projects/other/serviceAccounts/nightly@shop.iam.gserviceaccount.com:getIamPolicy",
    json!(null), 404, "Unknown service account"
)]
#[case::unknown_pool_in_member(
    OWNER, Method::POST, "/v1/projects/shop/serviceAccounts/nightly@shop.iam.gserviceaccount.com:setIamPolicy",
    json!({"policy": {"bindings": [{
        "role": "roles/iam.workloadIdentityUser",
        "members": ["principalSet://iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/nope/*"],
    }]}}),
    400, "Identity Pool does not exist (projects/123456/locations/global/workloadIdentityPools/nope)."
)]
#[case::stale_etag(
    OWNER, Method::POST, "/v1/projects/shop:setIamPolicy", json!({"policy": {"etag": "AAAA", "bindings": []}}),
    409, "There were concurrent policy changes."
)]
#[case::unknown_role(
    OWNER, Method::POST, "/v1/projects/shop:setIamPolicy",
    json!({"policy": {"bindings": [{"role": "roles/none", "members": []}]}}),
    400, "Role roles/none is not supported for this resource."
)]
#[case::unknown_field(
    OWNER, Method::POST, "/v1/projects/shop:setIamPolicy", json!({"policy": {"binding": []}}),
    400, "Invalid JSON payload received. unknown field `binding`"
)]
#[tokio::test]
async fn invalid_call_is_rejected(
    #[case] token: &str,
    #[case] method: Method,
    #[case] url: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] message: &str,
) {
    let fixture = fixture();
    let (found, answer) = call(&fixture, token, method, url, body).await;
    let found_message = answer["error"]["message"].as_str().unwrap_or_default();
    assert_eq!(found, status, "{answer}");
    assert!(found_message.starts_with(message), "{found_message}");
}

#[tokio::test]
async fn service_is_enabled_by_an_operation() {
    let fixture = fixture();
    let service = "/v1/projects/shop/services/sts.googleapis.com";
    let state = async || call(&fixture, OWNER, Method::GET, service, Value::Null).await.1["state"].clone();
    assert_eq!(state().await, "DISABLED");
    let body = json!({"serviceIds": ["sts.googleapis.com"]});
    let (_, answer) =
        call(&fixture, OWNER, Method::POST, "/v1/projects/123456/services:batchEnable", body).await;
    let operation = format!("/v1/{}", answer["name"].as_str().unwrap());
    let (_, answer) = call(&fixture, OWNER, Method::GET, &operation, Value::Null).await;
    assert_eq!(answer["done"], true);
    assert_eq!(state().await, "ENABLED");
}
