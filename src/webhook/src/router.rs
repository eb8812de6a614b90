//! The paths, and what they need. Tests call it without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tracing::info;

use crate::body::{Intake, Rejection};
use crate::defaults::LiveDefaults;
use crate::events::Events;
use crate::lookup::Lookup;
use crate::metrics::Metrics;
use crate::{mutate, workloads};

/// Where kube-apiserver sends reviews of pods.
pub const MUTATE_PATH: &str = "/mutate";
/// Where it sends reviews of workloads.
pub const WORKLOADS_PATH: &str = "/workloads";

/// What a review is answered with.
#[derive(Debug)]
pub struct Webhook {
    /// Takes bodies in.
    pub intake: Intake,
    /// Finds service accounts and namespaces.
    pub lookup: Lookup,
    /// The platform team's document.
    pub defaults: Arc<LiveDefaults>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Says events, if asked to.
    pub events: Option<Events>,
}

/// All paths that take reviews.
pub fn router(webhook: Arc<Webhook>) -> Router {
    Router::new()
        .route(MUTATE_PATH, post(mutate::mutate))
        .route(WORKLOADS_PATH, post(workloads::preview))
        .method_not_allowed_fallback(wrong_method)
        .fallback(wrong_path)
        .with_state(webhook)
}

async fn wrong_method(State(webhook): State<Arc<Webhook>>) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    webhook.metrics.rejected(status);
    (status, "This path takes POST alone.\n").into_response()
}

async fn wrong_path(State(webhook): State<Arc<Webhook>>, uri: Uri) -> Response {
    let status = StatusCode::NOT_FOUND;
    webhook.metrics.rejected(status);
    let sentence = format!("There is no {}; {MUTATE_PATH} or {WORKLOADS_PATH} would be right.\n", uri.path());
    (status, sentence).into_response()
}

/// The response with a review's answer, or with what was wrong with the request.
pub(crate) fn respond(webhook: &Webhook, answer: Result<String, Rejection>) -> Response {
    match answer {
        Ok(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(rejection) => {
            webhook.metrics.rejected(rejection.status());
            info!(status = rejection.status().as_u16(), sentence = %rejection, "request rejected");
            rejection.into_response()
        }
    }
}
