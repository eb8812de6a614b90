//! The answers, in the shapes of EC2's metadata service.
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

use super::Loopback;
use crate::credentials::Session;
use crate::session_token::SECONDS;

type Server = State<Arc<Loopback>>;

/// No newline at the end of any of them: libraries take the body as it is.
fn text(body: impl Into<String>) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], body.into()).into_response()
}

pub(super) async fn session_token(State(server): Server, headers: HeaderMap) -> Response {
    let asked = headers.get(SESSION_TTL_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds) = asked.filter(|seconds| SECONDS.contains(seconds)) else {
        let why = format!("{SESSION_TTL_HEADER} must say 1 to 21600 seconds");
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    let mut response = text(server.tokens.issue(seconds));
    response.headers_mut().insert(SESSION_TTL_HEADER, seconds.into());
    response
}

/// Libraries cut the last character off to get the region.
pub(super) async fn region(State(server): Server, headers: HeaderMap) -> Response {
    match server.refuse_without_session(&headers) {
        Some(refusal) => refusal,
        None => text(format!("{}a", server.region)),
    }
}

pub(super) async fn role_or_subject_token(State(server): Server, headers: HeaderMap) -> Response {
    match headers.get(MARKER_HEADER) {
        Some(marker) if marker == MARKER_VALUE => server.subject_token(),
        Some(_) => {
            let why = format!("{MARKER_HEADER} must be {MARKER_VALUE}");
            (StatusCode::FORBIDDEN, why).into_response()
        }
        None => server.refuse_without_session(&headers).unwrap_or_else(|| server.role_name()),
    }
}

pub(super) async fn credentials(
    State(server): Server,
    Path(role): Path<String>,
    headers: HeaderMap,
) -> Response {
    match server.refuse_without_session(&headers) {
        Some(refusal) => refusal,
        None if role != server.role => StatusCode::NOT_FOUND.into_response(),
        None => server.credentials(),
    }
}

impl Loopback {
    fn refuse_without_session(&self, headers: &HeaderMap) -> Option<Response> {
        let sent = headers.get(SESSION_TOKEN_HEADER).and_then(|value| value.to_str().ok());
        let why = "a session token is needed: PUT /latest/api/token";
        (!sent.is_some_and(|token| self.tokens.accepts(token)))
            .then(|| (StatusCode::UNAUTHORIZED, why).into_response())
    }

    fn role_name(&self) -> Response {
        let usable = self.board.borrow().session_at(self.clock.now()).is_some();
        if usable { text(self.role.as_str()) } else { self.unavailable() }
    }

    fn subject_token(&self) -> Response {
        let token = self.board.borrow().token_at(self.clock.now()).map(|token| token.expose().to_owned());
        token.map_or_else(|| self.unavailable(), text)
    }

    fn credentials(&self) -> Response {
        let document = self.board.borrow().session_at(self.clock.now()).and_then(Document::of);
        document.map_or_else(|| self.unavailable(), |document| Json(document).into_response())
    }

    fn unavailable(&self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.board.borrow().reason()).into_response()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: &'static str,
    last_updated: String,
    r#type: &'static str,
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

impl Document {
    fn of(session: &Session) -> Option<Self> {
        let credentials = &session.credentials;
        Some(Self {
            code: "Success",
            last_updated: timestamp(session.life.obtained)?,
            r#type: "AWS-HMAC",
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token()?.to_owned(),
            expiration: timestamp(session.life.expires)?,
        })
    }
}

/// Whole seconds, as EC2 has them.
fn timestamp(at: SystemTime) -> Option<String> {
    let seconds = i64::try_from(crate::state::unix_seconds(at)).ok()?;
    DateTime::from_secs(seconds).fmt(Format::DateTime).ok()
}
