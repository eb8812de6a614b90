//! The server on 127.0.0.1: EC2's metadata service (IMDS), the GCE metadata server, or both, behind one guard.

pub mod gce_metadata;
mod guard;
pub mod imds;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;

use self::guard::AllowedHosts;
use crate::metrics::{Endpoint, Metrics};

/// Adds the guard and the metrics to `routes`, for a server on `port`.
pub fn router(routes: Router, port: u16, metrics: Arc<Metrics>) -> Router {
    guarded(routes, AllowedHosts::loopback(port), metrics)
}

/// Adds the guard and the metrics to `routes`, for a server at the names of Google's metadata server.
pub fn metadata_host_router(routes: Router, metrics: Arc<Metrics>) -> Router {
    guarded(routes, AllowedHosts::metadata_server(), metrics)
}

fn guarded(routes: Router, hosts: AllowedHosts, metrics: Arc<Metrics>) -> Router {
    let hosts = Arc::new(hosts);
    routes
        .fallback(async || StatusCode::NOT_FOUND)
        .layer(from_fn(move |request, next| guard::guard(Arc::clone(&hosts), request, next)))
        .layer(from_fn_with_state(metrics, count))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let endpoint = imds::endpoint(&request).or_else(|| gce_metadata::endpoint(&request));
    let response = next.run(request).await;
    metrics.count_request(endpoint.unwrap_or(Endpoint::Other), response.status());
    response
}
