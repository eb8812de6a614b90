//! The handlers, with responses in the form of EC2's metadata service.
//!
//! Source: "Instance metadata categories" and "Retrieve security credentials from instance metadata", AWS EC2 user
//! guide.

use std::sync::Arc;
use std::time::SystemTime;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rolebridge_core::imds::{MARKER_HEADER, MARKER_VALUE, SESSION_TOKEN_HEADER, SESSION_TTL_HEADER};
use serde::Serialize;

use super::session::TTL_SECONDS;
use super::state::ImdsServer;
use crate::aws::sts::Session;
use crate::status_file::unix_seconds;

type Server = State<Arc<ImdsServer>>;

/// Returns a response without a newline at the end, because libraries use the body unchanged.
fn text(body: impl Into<String>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body.into()).into_response()
}

pub(super) async fn session_token(State(server): Server, headers: HeaderMap) -> Response {
    let ttl = headers.get(SESSION_TTL_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds) = ttl.filter(|seconds| TTL_SECONDS.contains(seconds)) else {
        let reason = format!("{SESSION_TTL_HEADER}: expected a number of seconds from 1 to 21600");
        return (StatusCode::BAD_REQUEST, reason).into_response();
    };
    let mut response = text(server.session_tokens.issue(seconds));
    response.headers_mut().insert(SESSION_TTL_HEADER, seconds.into());
    response
}

/// Returns an availability zone. Libraries remove the last character to get the region.
pub(super) async fn region(State(server): Server, headers: HeaderMap) -> Response {
    match server.reject_without_session(&headers) {
        Some(rejection) => rejection,
        None => text(format!("{}a", server.region)),
    }
}

pub(super) async fn role_or_subject_token(State(server): Server, headers: HeaderMap) -> Response {
    match headers.get(MARKER_HEADER) {
        Some(marker) if marker == MARKER_VALUE => server.subject_token(),
        Some(_) => {
            let reason = format!("{MARKER_HEADER}: expected {MARKER_VALUE}");
            (StatusCode::FORBIDDEN, reason).into_response()
        }
        None => server.reject_without_session(&headers).unwrap_or_else(|| server.role_name()),
    }
}

pub(super) async fn credentials(
    State(server): Server,
    Path(role): Path<String>,
    headers: HeaderMap,
) -> Response {
    match server.reject_without_session(&headers) {
        Some(rejection) => rejection,
        None if role != server.role => StatusCode::NOT_FOUND.into_response(),
        None => server.credentials(),
    }
}

impl ImdsServer {
    fn reject_without_session(&self, headers: &HeaderMap) -> Option<Response> {
        let token = headers.get(SESSION_TOKEN_HEADER).and_then(|value| value.to_str().ok());
        let reason = "a session token is required: PUT /latest/api/token";
        (!token.is_some_and(|token| self.session_tokens.is_valid(token)))
            .then(|| (StatusCode::UNAUTHORIZED, reason).into_response())
    }

    fn role_name(&self) -> Response {
        let has_session = self.state.borrow().session_at(self.clock.now()).is_some();
        if has_session { text(self.role.as_str()) } else { self.unavailable() }
    }

    fn subject_token(&self) -> Response {
        let token = self.state.borrow().token_at(self.clock.now()).map(|token| token.expose().to_owned());
        token.map_or_else(|| self.unavailable(), text)
    }

    fn credentials(&self) -> Response {
        let credentials = self.state.borrow().session_at(self.clock.now()).and_then(Credentials::new);
        credentials.map_or_else(|| self.unavailable(), |credentials| Json(credentials).into_response())
    }

    fn unavailable(&self) -> Response {
        let reason = self.state.borrow().unavailable_reason();
        (StatusCode::SERVICE_UNAVAILABLE, reason.to_string()).into_response()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    code: &'static str,
    last_updated: String,
    r#type: &'static str,
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Credentials {
    fn new(session: &Session) -> Option<Self> {
        let credentials = &session.credentials;
        Some(Self {
            code: "Success",
            last_updated: timestamp(session.lifetime.obtained)?,
            r#type: "AWS-HMAC",
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token()?.to_owned(),
            expiration: timestamp(session.lifetime.expires)?,
        })
    }
}

/// Formats a time in whole seconds, as EC2 does.
fn timestamp(at: SystemTime) -> Option<String> {
    let seconds = i64::try_from(unix_seconds(at)).ok()?;
    DateTime::from_secs(seconds).fmt(Format::DateTime).ok()
}
