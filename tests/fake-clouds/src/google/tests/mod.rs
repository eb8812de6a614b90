//! Google as clients see it: exchange, impersonation and data, and its error messages.

mod bigquery;
mod exchange;
mod faults;
mod impersonation;
mod storage;

use serde_json::{Value, json};

use crate::events::Detail;
use crate::service::Service;
use crate::testing::*;
use crate::wire::Response;

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

async fn get(fixture: &Fixture, service: Service, path: &str, token: &str) -> Response {
    let mut request = http::Request::get(path).body("".into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(service, request).await
}

async fn post(fixture: &Fixture, path: &str, token: &str, body: &Value) -> Response {
    let mut request = http::Request::post(path).body(body.to_string().into()).unwrap();
    set_bearer_token(&mut request, token);
    fixture.call(Service::BigQuery, request).await
}

const QUERIES: &str = "/bigquery/v2/projects/shop/queries";
