//! The loopback server: EC2's metadata service in version 2, as far as Google's libraries use it, on 127.0.0.1 only.
//!
//! What it gives out proves who the pod is. So everything asks for the session token that only a `PUT` gets, which
//! keeps a request that an app was tricked into from working; and what looks like a browser or a proxy is refused.
//! One path answers the marker header with the subject token instead, for C++, which takes the whole for a URL source.

mod answer;
mod guard;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::{get, put},
};
use rolebridge_contract::loopback::{CREDENTIALS_PATH, MARKER_HEADER, REGION_PATH, SESSION_TOKEN_PATH};

use crate::{
    board::Reader,
    clock::Clock,
    metrics::{Metrics, Question},
    session_token::SessionTokens,
    settings::Identity,
};

/// What the answers are made of.
#[derive(Debug)]
pub struct Loopback {
    board: Reader,
    clock: Clock,
    metrics: Arc<Metrics>,
    tokens: SessionTokens,
    region: String,
    role: String,
    hosts: [String; 2],
}

impl Loopback {
    /// A server for `identity` on `port`.
    ///
    /// # Errors
    /// If the machine has no random numbers.
    pub fn new(
        identity: &Identity,
        port: u16,
        board: Reader,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ring::error::Unspecified> {
        Ok(Self {
            board,
            clock,
            metrics,
            tokens: SessionTokens::new()?,
            region: identity.region.clone(),
            role: identity.role.name.clone(),
            hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")],
        })
    }

    /// The server, without a socket.
    pub fn router(self) -> Router {
        let state = Arc::new(self);
        Router::new()
            .route(SESSION_TOKEN_PATH, put(answer::session_token))
            .route(REGION_PATH, get(answer::region))
            .route(CREDENTIALS_PATH, get(answer::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/"), get(answer::role_or_subject_token))
            .route(&format!("{CREDENTIALS_PATH}/{{role}}"), get(answer::credentials))
            .fallback(answer::nothing_here)
            .layer(from_fn_with_state(Arc::clone(&state), guard::guard))
            .layer(from_fn_with_state(Arc::clone(&state), count))
            .with_state(state)
    }
}

async fn count(State(server): State<Arc<Loopback>>, request: Request, next: Next) -> Response {
    let question = question(&request);
    let response = next.run(request).await;
    server.metrics.answered(question, response.status());
    response
}

fn question(request: &Request) -> Question {
    match request.uri().path().trim_end_matches('/') {
        SESSION_TOKEN_PATH => Question::SessionToken,
        REGION_PATH => Question::Region,
        CREDENTIALS_PATH if request.headers().contains_key(MARKER_HEADER) => Question::SubjectToken,
        CREDENTIALS_PATH => Question::Role,
        path if path.starts_with(CREDENTIALS_PATH) => Question::Credentials,
        _ => Question::Other,
    }
}

#[cfg(test)]
mod tests;
