//! A Lease that nobody applied, at an API server that is a function.

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
use crate::managed::Settings;
use crate::managed::arguments::ObjectName;
use crate::managed::lease::Candidate;
use crate::managed::leases::{Attempt, Leases};

const DURATION: Duration = Duration::from_secs(15);
const SECRET: &str = "/api/v1/namespaces/system/secrets/rolebridge-managed";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/system/leases/rolebridge";

/// Objects by their path.
#[derive(Clone, Default)]
struct Api(Arc<Mutex<BTreeMap<String, Value>>>);

impl Api {
    /// With the Secret of the chart.
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

    fn leases(&self) -> Leases {
        let api = self.clone();
        let answer = move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Ok::<_, Infallible>(api.answer(&head.method, head.uri.path(), &body))
            }
        };
        let settings = Settings {
            secret: ObjectName { namespace: "system".to_owned(), name: "rolebridge-managed".to_owned() },
            lease: "rolebridge".to_owned(),
            lease_duration: DURATION,
            interval: DURATION,
            policy: policy(),
        };
        Leases::new(Client::new(service_fn(answer), "default"), &settings)
    }

    fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
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

fn candidate(name: &str) -> Candidate {
    Candidate::new(name.to_owned(), DURATION)
}

#[tokio::test]
async fn a_missing_lease_is_made_and_goes_with_the_secret() {
    let api = Api::with_secret();
    let (leases, mut first) = (api.leases(), candidate("a"));
    assert_eq!(leases.attempt(&mut first).await, Ok(Attempt::Missed), "Helm may be about to make it");
    assert_eq!(leases.attempt(&mut first).await, Ok(Attempt::Held));
    let lease = api.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "a");
    assert_eq!(
        lease["metadata"],
        json!({"name": "rolebridge", "ownerReferences":
            [{"apiVersion": "v1", "kind": "Secret", "name": "rolebridge-managed", "uid": "of-the-secret"}]})
    );
    assert_eq!(leases.attempt(&mut candidate("b")).await, Ok(Attempt::Others));
    leases.release("a").await.unwrap();
    assert_eq!(leases.attempt(&mut candidate("b")).await, Ok(Attempt::Held));
}

#[tokio::test]
async fn the_empty_lease_of_the_chart_is_taken_as_it_is() {
    let api = Api::with_secret();
    api.put(LEASE, json!({"metadata": {"name": "rolebridge", "labels": {"of": "the chart"}}}));
    assert_eq!(api.leases().attempt(&mut candidate("a")).await, Ok(Attempt::Held));
    let lease = api.lease();
    assert_eq!(lease["spec"]["holderIdentity"], "a");
    assert_eq!(lease["metadata"], json!({"name": "rolebridge", "labels": {"of": "the chart"}}));
}

#[rstest]
#[case::it_is_made_again(Api::with_secret(), Ok(Attempt::Held))]
#[case::but_not_without_the_secret(
    Api::default(),
    Err(
        "There is no Secret system/rolebridge-managed; the chart makes it, empty, and it is filled when it is there."
    )
)]
#[tokio::test]
async fn a_lease_that_was_deleted_while_it_was_held(
    #[case] api: Api,
    #[case] expected: Result<Attempt, &'static str>,
) {
    let (leases, mut holder) = (api.leases(), candidate("a"));
    api.put(LEASE, json!({"metadata": {"name": "rolebridge"}}));
    leases.attempt(&mut holder).await.unwrap();
    api.0.lock().unwrap().remove(LEASE);
    assert_eq!(leases.release("a").await, Ok(()), "there is nothing to let go of");
    assert_eq!(leases.attempt(&mut holder).await, Ok(Attempt::Missed));
    assert_eq!(leases.attempt(&mut holder).await, expected.map_err(str::to_owned));
}
