//! Google's error responses: OAuth's, from Google STS, and those of the APIs.
//!
//! Source: RFC 6749 section 5.2; google.rpc.Status and google.rpc.ErrorInfo; messages in public issue reports.

use std::time::Duration;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Service};
use crate::http::request::Response;

/// An error response.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: u16,
    /// OAuth's error or google.rpc.Code; empty if the response is not Google's.
    pub(super) code: String,
    pub(super) message: String,
    /// The reasons of google.rpc.ErrorInfo, such as `SERVICE_DISABLED`.
    pub(super) details: Vec<String>,
    /// The time that Google asks to wait.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Deserialize)]
struct Body {
    error: Shape,
    #[serde(default)]
    error_description: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Shape {
    Oauth(String),
    Api(Api),
}

#[derive(Deserialize)]
struct Api {
    #[serde(default)]
    message: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    reason: String,
}

impl ErrorResponse {
    pub(super) fn parse(response: &Response) -> Self {
        let (status, retry_after) = (response.status, response.retry_after());
        match serde_json::from_slice(&response.body) {
            Ok(Body { error: Shape::Oauth(code), error_description: message }) => {
                Self { status, code, message, details: Vec::new(), retry_after }
            }
            Ok(Body { error: Shape::Api(Api { message, status: code, details }), .. }) => {
                let details = details.into_iter().map(|detail| detail.reason).collect();
                Self { status, code, message, details, retry_after }
            }
            Err(_) => Self { status, retry_after, ..Self::default() },
        }
    }

    pub(super) fn message_contains(&self, text: &str) -> bool {
        self.message.contains(text)
    }

    /// Classifies errors that all of Google's services share.
    pub(super) fn common_kind(&self) -> Option<ErrorKind> {
        if self.status == 429 {
            return Some(ErrorKind::Throttled);
        } else if self.status >= 500 {
            return Some(ErrorKind::ServerError);
        } else if self.code.is_empty() {
            return Some(ErrorKind::UnexpectedResponse);
        }
        let has_reason = |expected: &str| self.details.iter().any(|reason| reason == expected);
        // The message names the project and the role that the caller lacks.
        if has_reason("USER_PROJECT_DENIED") {
            return Some(ErrorKind::Rejected);
        }
        let disabled = has_reason("SERVICE_DISABLED");
        (disabled || self.message_contains("it is disabled. Enable it")).then_some(ErrorKind::ApiDisabled)
    }

    /// Converts to an error that quotes Google. `subject` names the object of the request.
    pub(super) fn to_error(&self, kind: ErrorKind, service: Service, subject: &str, host: &str) -> Error {
        let Self { status, code, message, .. } = self;
        let code = if code.is_empty() { "no error code" } else { code };
        Error::new(kind, format!("{subject}, {host} returned {status} {code}: {message}"))
            .from_service(service)
            .with_retry_after(self.retry_after)
    }
}
