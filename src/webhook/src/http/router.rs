//! Routes of the admission server. Tests call the router without a socket.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::handlers::{pod_templates, pods, workloads};
use crate::state::AppState;

/// Path for reviews of pods.
pub const MUTATE_PATH: &str = "/mutate";
/// Path for reviews of workloads.
pub const WORKLOADS_PATH: &str = "/workloads";
/// Path for reviews of other kinds with pod templates.
pub const POD_TEMPLATES_PATH: &str = "/pod-templates";

/// Builds the router for admission reviews.
pub fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route(MUTATE_PATH, post(pods::mutate))
        .route(WORKLOADS_PATH, post(workloads::preview))
        .route(POD_TEMPLATES_PATH, post(pod_templates::preview))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(state)
}

async fn method_not_allowed(State(state): State<Arc<AppState>>) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    state.metrics.record_rejected_request(status);
    (status, "method: expected POST\n").into_response()
}

async fn not_found(State(state): State<Arc<AppState>>, uri: Uri) -> Response {
    let status = StatusCode::NOT_FOUND;
    state.metrics.record_rejected_request(status);
    let message = format!(
        "path: expected {MUTATE_PATH}, {WORKLOADS_PATH} or {POD_TEMPLATES_PATH}, found {}\n",
        uri.path()
    );
    (status, message).into_response()
}
