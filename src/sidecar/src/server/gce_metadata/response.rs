//! Responses in the form of the GCE metadata server, and their etags.

use axum::http::header::{CONTENT_TYPE, ETAG, SERVER};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

/// The header of requests and responses.
pub(super) const FLAVOR: (HeaderName, &str) = (HeaderName::from_static("metadata-flavor"), "Google");

/// A response's body and its etag.
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) text: String,
    pub(super) etag: String,
}

impl Body {
    pub(super) fn new(content_type: &'static str, text: String) -> Self {
        let etag = etag(&text);
        Self { content_type, text, etag }
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, self.content_type.to_owned()), (ETAG, self.etag)];
        with_server_headers((StatusCode::OK, headers, self.text))
    }
}

/// Adds the headers by which libraries recognize the metadata server, also in error responses.
fn with_server_headers(response: impl IntoResponse) -> Response {
    ([FLAVOR, (SERVER, "Metadata Server for VM")], response).into_response()
}

/// An error response: a status and the reason.
pub(super) struct Rejection(StatusCode, String);

impl Rejection {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self(status, reason.into())
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        with_server_headers((self.0, [(CONTENT_TYPE, "text/plain; charset=utf-8")], self.1))
    }
}

/// Returns a tag that identifies a text and reveals nothing of it, so that a token's may be shown.
pub(super) fn etag(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hex::encode(&digest.as_ref()[..8])
}
