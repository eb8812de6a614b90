//! The part of EC2's metadata service (IMDSv2) that Google's libraries use, on 127.0.0.1 only.
//!
//! The responses prove the pod's identity. Each endpoint requires the session token that only a `PUT` returns, so that a
//! request forged through an app's vulnerability (SSRF) fails.
//!
//! One path also accepts a marker header instead and returns the subject token. The C++ client uses it, because it treats
//! the configuration as a URL-sourced credential.

mod handlers;
mod session;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, put};
use rolebridge_core::aws::RoleArn;
use rolebridge_core::imds::{CREDENTIALS_PATH, MARKER_HEADER, REGION_PATH, SESSION_TOKEN_PATH};

use self::session::SessionTokens;
use crate::clock::Clock;
use crate::metrics::Endpoint;
use crate::shared_state::Reader;

/// The state of the handlers.
#[derive(Debug)]
pub struct ImdsServer {
    state: Reader,
    clock: Clock,
    session_tokens: SessionTokens,
    region: String,
    role: String,
}

impl ImdsServer {
    /// Creates a server for a session of `role` in `region`.
    ///
    /// # Errors
    /// Returns an error if the system provides no random bytes.
    pub fn new(
        region: &str,
        role: &RoleArn,
        state: Reader,
        clock: Clock,
    ) -> Result<Self, ring::error::Unspecified> {
        Ok(Self {
            state,
            clock,
            session_tokens: SessionTokens::new()?,
            region: region.to_owned(),
            role: role.name().to_owned(),
        })
    }

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
