//! A Kubernetes API as a function: no socket, every answer said by the test.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use kube::Client;
use serde_json::{Value, json};
use tower::service_fn;

/// What the API server does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It answers after this time.
    Answers(Duration),
    #[default]
    Prompt,
    /// It never answers.
    Silent,
    /// It answers 503.
    Unavailable,
    /// It answers 403.
    Forbids,
}

#[derive(Debug, Default)]
struct Inner {
    mood: Mood,
    objects: HashMap<String, Value>,
    asked: Vec<String>,
}

/// Live reads of single objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Api(Arc<Mutex<Inner>>);

impl Api {
    /// An API server with the namespace `shop` and its service account `batch` of these annotations.
    pub(crate) fn with(annotations: &Value) -> Self {
        let api = Self::default();
        api.put("/api/v1/namespaces/shop", &json!({}));
        api.put("/api/v1/namespaces/shop/serviceaccounts/batch", annotations);
        api
    }

    pub(crate) fn put(&self, path: &str, annotations: &Value) {
        let object = json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": {"name": "x", "annotations": annotations}});
        self.0.lock().unwrap().objects.insert(path.to_owned(), object);
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.0.lock().unwrap().mood = mood;
    }

    /// The paths that were asked for since the last look.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut self.0.lock().unwrap().asked);
        asked.sort();
        asked
    }

    pub(crate) fn client(&self) -> Client {
        let api = self.clone();
        let answer = move |request: Request<kube::client::Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.answer(request.uri().path().to_owned()).await) }
        };
        Client::new(service_fn(answer), "default")
    }

    async fn answer(&self, path: String) -> Response<Body> {
        let (mood, object) = {
            let mut inner = self.0.lock().unwrap();
            inner.asked.push(path.clone());
            (inner.mood, inner.objects.get(&path).cloned())
        };
        let status = |code: u16, reason: &str, message: &str| {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
                "reason": reason, "message": message});
            Response::builder().status(code).body(Body::from(status.to_string())).unwrap()
        };
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::Answers(after) => tokio::time::sleep(after).await,
            Mood::Prompt => {}
            Mood::Unavailable => return status(503, "ServiceUnavailable", "the server is currently unable"),
            Mood::Forbids => return status(403, "Forbidden", "serviceaccounts is forbidden"),
        }
        match object {
            Some(object) => Response::new(Body::from(object.to_string())),
            None => status(404, "NotFound", "not found"),
        }
    }
}
