//! The server on 127.0.0.1: EC2's metadata service, GCE's, or both beside each other, behind one guard.

mod guard;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;

use crate::metrics::{Metrics, Question};
use crate::{loopback, metadata};

/// `routes` on `port`, guarded and counted.
pub fn router(routes: Router, port: u16, metrics: Arc<Metrics>) -> Router {
    let hosts = Arc::new([format!("127.0.0.1:{port}"), format!("localhost:{port}")]);
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(move |request, next| guard::guard(Arc::clone(&hosts), request, next)))
        .layer(from_fn_with_state(metrics, count))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let question = loopback::question(&request).or_else(|| metadata::question(&request));
    let response = next.run(request).await;
    metrics.answered(question.unwrap_or(Question::Other), response.status());
    response
}
