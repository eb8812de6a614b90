//! The loopback server: EC2's metadata service in version 2, as far as Google's libraries use it, on 127.0.0.1 only.
//!
//! What it gives out proves who the pod is. So everything asks for the session token that only a `PUT` gets, which
//! keeps a request that an app was tricked into from working.
//! One path answers the marker header with the subject token instead, for C++, which takes the whole for a URL source.

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{get, put};
use rolebridge_core::aws::RoleArn;
use rolebridge_core::imds::{CREDENTIALS_PATH, MARKER_HEADER, REGION_PATH, SESSION_TOKEN_PATH};

use crate::board::Reader;
use crate::clock::Clock;
use crate::metrics::Question;
use crate::session_token::SessionTokens;

/// What the answers are made of.
#[derive(Debug)]
pub struct Loopback {
    board: Reader,
    clock: Clock,
    tokens: SessionTokens,
    region: String,
    role: String,
}

impl Loopback {
    /// A server of a session of `role` in `region`.
    ///
    /// # Errors
    /// If the machine has no random numbers.
    pub fn new(
        region: &str,
        role: &RoleArn,
        board: Reader,
        clock: Clock,
    ) -> Result<Self, ring::error::Unspecified> {
        Ok(Self {
            board,
            clock,
            tokens: SessionTokens::new()?,
            region: region.to_owned(),
            role: role.name().to_owned(),
        })
    }

    /// The paths, without a socket.
    pub fn routes(self) -> Router {
        let state = Arc::new(self);
        Router::new()
            .route(SESSION_TOKEN_PATH, put(answer::session_token))
            .route(REGION_PATH, get(answer::region))
            .route(CREDENTIALS_PATH, get(answer::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/"), get(answer::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/{{role}}"), get(answer::credentials))
            .with_state(state)
    }
}

/// What a request asks for, to be counted.
#[must_use]
pub fn question(request: &Request) -> Option<Question> {
    Some(match request.uri().path().trim_end_matches('/') {
        SESSION_TOKEN_PATH => Question::SessionToken,
        REGION_PATH => Question::Region,
        CREDENTIALS_PATH if request.headers().contains_key(MARKER_HEADER) => Question::SubjectToken,
        CREDENTIALS_PATH => Question::Role,
        path if path.starts_with(CREDENTIALS_PATH) => Question::Credentials,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
