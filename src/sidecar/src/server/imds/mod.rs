//! The part of EC2's metadata service (IMDSv2) that Google's libraries use, on 127.0.0.1 only.
//!
//! The responses prove the pod's identity. Each endpoint requires the session token that only a `PUT` returns, so that a
//! request forged through an app's vulnerability (SSRF) fails.
//!
//! One path also accepts a marker header instead and returns the subject token. The C++ client uses it, because it treats
//! the configuration as a URL-sourced credential.

mod handlers;
mod session;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, put};
use rolebridge_core::imds::{CREDENTIALS_PATH, MARKER_HEADER, REGION_PATH, SESSION_TOKEN_PATH};

pub use self::state::ImdsServer;
use crate::metrics::Endpoint;

impl ImdsServer {
    /// Returns the routes.
    pub fn routes(self) -> Router {
        let state = Arc::new(self);
        Router::new()
            .route(SESSION_TOKEN_PATH, put(handlers::session_token))
            .route(REGION_PATH, get(handlers::region))
            .route(CREDENTIALS_PATH, get(handlers::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/"), get(handlers::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/{{role}}"), get(handlers::credentials))
            .with_state(state)
    }
}

/// Returns the endpoint of a request, for the metrics.
#[must_use]
pub fn endpoint(request: &Request) -> Option<Endpoint> {
    Some(match request.uri().path().trim_end_matches('/') {
        SESSION_TOKEN_PATH => Endpoint::SessionToken,
        REGION_PATH => Endpoint::Region,
        CREDENTIALS_PATH if request.headers().contains_key(MARKER_HEADER) => Endpoint::SubjectToken,
        CREDENTIALS_PATH => Endpoint::Role,
        path if path.starts_with(CREDENTIALS_PATH) => Endpoint::Credentials,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
