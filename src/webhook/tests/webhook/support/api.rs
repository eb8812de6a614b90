//! Fake Kubernetes API as a function: without a socket, and with responses set by the test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use kube::Client;
use serde_json::{Value, json};
use tower::service_fn;

/// Behavior of the API server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// Responds after a delay.
    Delayed(Duration),
    /// Responds at once.
    #[default]
    Prompt,
    /// Never responds.
    Silent,
    /// Responds with 503.
    Unavailable,
    /// Responds with 403.
    Forbidden,
}

#[derive(Debug, Default)]
struct Inner {
    behavior: Behavior,
    objects: HashMap<String, Value>,
    requests: Vec<String>,
}

/// Fake API server for reads of single objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Api(Arc<Mutex<Inner>>);

impl Api {
    /// Creates an API server with the namespace `shop` and the service account `batch` with these annotations.
    pub(crate) fn with_annotations(annotations: &Value) -> Self {
        let api = Self::default();
        api.put("/api/v1/namespaces/shop", &json!({}));
        api.put("/api/v1/namespaces/shop/serviceaccounts/batch", annotations);
        api
    }

    pub(crate) fn put(&self, path: &str, annotations: &Value) {
        let object = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "x", "resourceVersion": "1", "annotations": annotations}});
        self.0.lock().unwrap().objects.insert(path.to_owned(), object);
    }

    pub(crate) fn set_behavior(&self, behavior: Behavior) {
        self.0.lock().unwrap().behavior = behavior;
    }

    /// Returns the sorted paths of the requests since the last call.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut requests = std::mem::take(&mut self.0.lock().unwrap().requests);
        requests.sort();
        requests
    }

    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        let respond = move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.respond(request.uri().path().to_owned()).await) }
        };
        Client::new(service_fn(respond), "default")
    }

    async fn respond(&self, path: String) -> Response<Body> {
        let (behavior, object) = {
            let mut inner = self.0.lock().unwrap();
            inner.requests.push(path.clone());
            (inner.behavior, inner.objects.get(&path).cloned())
        };
        let status = |code: u16, reason: &str, message: &str| {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                "reason": reason, "message": message});
            Response::builder().status(code).body(Body::from(status.to_string())).unwrap()
        };
        match behavior {
            Behavior::Silent => std::future::pending().await,
            Behavior::Delayed(delay) => tokio::time::sleep(delay).await,
            Behavior::Prompt => {}
            Behavior::Unavailable => {
                return status(503, "ServiceUnavailable", "the server is currently unable");
            }
            Behavior::Forbidden => return status(403, "Forbidden", "serviceaccounts is forbidden"),
        }
        match object {
            Some(object) => Response::new(Body::from(object.to_string())),
            None => status(404, "NotFound", "not found"),
        }
    }
}
