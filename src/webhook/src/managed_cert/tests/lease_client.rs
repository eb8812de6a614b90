//! Creation of a missing Lease, against an API server that is a function.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::Client;
use rstest::rstest;
use serde_json::{Value, json};
use tower::service_fn;

use super::policy;
use crate::managed_cert::leader::LeaseHolder;
use crate::managed_cert::lease_client::{AcquireResult, LeaseClient};
use crate::managed_cert::settings::{ObjectName, Settings};

const DURATION: Duration = Duration::from_secs(15);
const SECRET: &str = "/api/v1/namespaces/system/secrets/rolebridge-managed";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases/rolebridge";

/// Objects by path.
#[derive(Clone, Default)]
struct FakeApi(Arc<Mutex<BTreeMap<String, Value>>>);

impl FakeApi {
    /// Creates an API server with the chart's Secret.
    fn with_secret() -> Self {
        let api = Self::default();
        api.put(SECRET, json!({"metadata": {"name": "rolebridge-managed", "uid": "of-the-secret"}}));
        api
    }

    fn put(&self, path: &str, object: Value) {
        self.0.lock().unwrap().insert(path.to_owned(), object);
    }

    fn lease(&self) -> Value {
        self.0.lock().unwrap()[LEASE].clone()
    }

    fn lease_client(&self) -> LeaseClient {
        let api = self.clone();
        let respond = move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(api.respond(&head.method, head.uri.path(), &body))
            }
        };
        let settings = Settings {
            secret: ObjectName { namespace: "system".to_owned(), name: "rolebridge-managed".to_owned() },
            lease: "rolebridge".to_owned(),
            lease_duration: DURATION,
            interval: DURATION,
            policy: policy(),
        };
        LeaseClient::new(Client::new(service_fn(respond), "default"), &settings)
    }

    fn respond(&self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        let mut objects = self.0.lock().unwrap();
        let path = if *method == Method::POST { format!("{path}/rolebridge") } else { path.to_owned() };
        let (code, object) = match (method, objects.get(&path)) {
            (&Method::GET, Some(object)) => (StatusCode::OK, object.clone()),
            (&Method::POST, Some(_)) => (StatusCode::CONFLICT, failure(409, "AlreadyExists")),
            (&Method::POST, None) | (&Method::PUT, Some(_)) => {
                let object: Value = serde_json::from_slice(body).unwrap();
                objects.insert(path, object.clone());
                (StatusCode::CREATED, object)
            }
            _ => (StatusCode::NOT_FOUND, failure(404, "NotFound")),
        };
        Response::builder().status(code).body(Body::from(object.to_string())).unwrap()
    }
}

fn failure(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": reason})
}

fn holder(name: &str) -> LeaseHolder {
    LeaseHolder::new(name.to_owned(), DURATION)
}

#[tokio::test]
async fn missing_lease_is_created_and_owned_by_the_secret() {
    let api = FakeApi::with_secret();
    let (leases, mut first) = (api.lease_client(), holder("a"));
    assert_eq!(
        leases.acquire(&mut first).await,
        Ok(AcquireResult::NotFound),
        "Helm may be about to create it"
    );
    assert_eq!(leases.acquire(&mut first).await, Ok(AcquireResult::Acquired));
    let lease = api.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "a");
    assert_eq!(
        lease["metadata"],
        json!({"name": "rolebridge", "ownerReferences":
            [{"apiVersion": "v1", "kind": "Secret", "name": "rolebridge-managed", "uid": "of-the-secret"}]})
    );
    assert_eq!(leases.acquire(&mut holder("b")).await, Ok(AcquireResult::HeldByOther));
    leases.release("a").await.unwrap();
    assert_eq!(leases.acquire(&mut holder("b")).await, Ok(AcquireResult::Acquired));
}

#[tokio::test]
async fn empty_lease_of_the_chart_keeps_its_metadata() {
    let api = FakeApi::with_secret();
    api.put(LEASE, json!({"metadata": {"name": "rolebridge", "labels": {"of": "the chart"}}}));
    assert_eq!(api.lease_client().acquire(&mut holder("a")).await, Ok(AcquireResult::Acquired));
    let lease = api.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "a");
    assert_eq!(lease["metadata"], json!({"name": "rolebridge", "labels": {"of": "the chart"}}));
}

#[rstest]
#[case::with_the_secret(FakeApi::with_secret(), Ok(AcquireResult::Acquired))]
#[case::without_the_secret(
    FakeApi::default(),
    Err(
        "Secret system/rolebridge-managed not found: the chart creates it empty, and the webhook then fills it"
    )
)]
#[tokio::test]
async fn deleted_lease_is_recreated_by_its_holder(
    #[case] api: FakeApi,
    #[case] expected: Result<AcquireResult, &'static str>,
) {
    let (leases, mut holder) = (api.lease_client(), holder("a"));
    api.put(LEASE, json!({"metadata": {"name": "rolebridge"}}));
    leases.acquire(&mut holder).await.unwrap();
    api.0.lock().unwrap().remove(LEASE);
    assert_eq!(leases.release("a").await, Ok(()), "there is no Lease to release");
    assert_eq!(leases.acquire(&mut holder).await, Ok(AcquireResult::NotFound));
    assert_eq!(leases.acquire(&mut holder).await, expected.map_err(str::to_owned));
}
