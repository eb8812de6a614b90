//! The part of the GCE metadata server that Google's libraries use: the source `metadata`.
//!
//! The values of the instance are made from the settings and do not change. The tokens come from [`crate::token_cache`].
//! All paths but the root require a header that a browser cannot be made to send.
//!
//! Source: "About VM metadata" and "Query VM metadata", Compute Engine documentation; the requests in the source of the
//! libraries for Go, Java, Node, Python, C++ and Rust.

mod handlers;
mod query;
mod response;
mod state;
mod tree;
mod wait_for_change;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::get;

pub use self::state::GceMetadataServer;
pub use self::tree::Instance;
use crate::google::TokenProvider;
use crate::metrics::Endpoint;

/// The path below which all values are.
const ROOT: &str = "/computeMetadata";

impl<P: TokenProvider> GceMetadataServer<P> {
    /// Returns the routes.
    pub fn routes(self) -> Router {
        let state = Arc::new(self);
        Router::new()
            .route("/", get(handlers::ping))
            .route(ROOT, get(handlers::metadata))
            .route(&format!("{ROOT}/"), get(handlers::metadata))
            .route(&format!("{ROOT}/{{*path}}"), get(handlers::metadata))
            .with_state(state)
    }
}

/// Returns the endpoint of a request, for the metrics.
#[must_use]
pub fn endpoint(request: &Request) -> Option<Endpoint> {
    let path = request.uri().path();
    (path == "/" || path.starts_with(ROOT)).then(|| match path.rsplit('/').next() {
        Some("token") => Endpoint::AccessToken,
        Some("identity") => Endpoint::IdToken,
        _ => Endpoint::Metadata,
    })
}

#[cfg(test)]
mod tests;
