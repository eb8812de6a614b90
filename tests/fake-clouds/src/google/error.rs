//! Errors of Google: the OAuth errors of STS, and those of the APIs in their three formats.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};

use super::grpc;
use crate::faults::ErrorKind;
use crate::operation::Operation;
use crate::service::Service;
use crate::wire::{Request, Response};

/// An error of Google STS (RFC 6749 section 5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OauthError {
    status: StatusCode,
    code: &'static str,
    description: String,
    /// The problem, for the event log. Google does not say it.
    cause: Option<String>,
}

impl OauthError {
    pub(crate) fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into(), cause: None }
    }

    pub(crate) fn with_cause(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Returns the error of an exhausted quota.
    pub(crate) fn throttled() -> Self {
        let description = "The request was throttled due to rate limit: sts.googleapis.com/requests. Please retry \
                           after a few seconds.";
        Self::new("quota_exceeded", description).with_status(StatusCode::TOO_MANY_REQUESTS)
    }

    pub(crate) fn internal() -> Self {
        Self::new("internal_failure", "Internal error encountered.")
            .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn rejected_by_condition() -> Self {
        Self::new("unauthorized_client", "The given credential is rejected by the attribute condition.")
    }

    /// Returns the error with which Google reports an error of AWS.
    pub(crate) fn invalid_aws_response(code: &str, message: &str) -> Self {
        let description =
            format!("Received invalid AWS response of type {code} with error message: {message}");
        Self::new("invalid_grant", description)
    }

    /// Returns the error of an injected fault.
    pub(crate) fn simulated(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Expired => Self::invalid_aws_response(
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            ErrorKind::Denied => Self::rejected_by_condition(),
            ErrorKind::Throttled => Self::throttled(),
            ErrorKind::Internal => Self::internal(),
        }
    }
}

impl From<OauthError> for Response {
    fn from(error: OauthError) -> Self {
        let OauthError { status, code, description, cause } = error;
        let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        Self::json(status, &json!({"error": code, "error_description": description}))
            .with_error(format!("{code}: {description}{cause}"))
    }
}

/// The error format of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `status` and `details`, as in google.rpc.Status.
    Rpc,
    /// `errors` with `domain` and `reason`: Cloud Storage and BigQuery.
    Legacy,
    /// gRPC's status, without JSON.
    Grpc,
    /// `errors` with `code` and `message`, as in the specification of registries for images.
    Registry,
}

impl Style {
    pub(crate) const fn of(service: Service, operation: Operation) -> Self {
        match (service, operation) {
            (_, Operation::ReadObject) => Self::Grpc,
            (Service::Storage | Service::BigQuery, _) => Self::Legacy,
            _ => Self::Rpc,
        }
    }
}

/// An error of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    /// google.rpc.Code.
    code: &'static str,
    /// The reason in the legacy format.
    reason: &'static str,
    details: Option<Value>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { status, message: message.into(), code, reason, details: None }
    }

    pub(crate) fn invalid(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", reason, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "notFound", message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "forbidden", message)
    }

    /// Returns BigQuery's error for a caller without permission.
    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self { reason: "accessDenied", ..Self::forbidden(message) }
    }

    pub(crate) fn unauthenticated(style: Style) -> Self {
        let message = match style {
            Style::Rpc | Style::Grpc => {
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                 valid authentication credential. See \
                 https://developers.google.com/identity/sign-in/web/devconsole-project."
            }
            Style::Legacy => "Invalid Credentials",
            Style::Registry => "authentication failed",
        };
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "authError", message)
    }

    pub(crate) fn insufficient_scopes() -> Self {
        let message = "Request had insufficient authentication scopes.";
        Self { reason: "insufficientPermissions", ..Self::forbidden(message) }.with_error_info(
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            "googleapis.com",
            &json!({}),
        )
    }

    pub(crate) fn throttled(service: Service) -> Self {
        let message = match service {
            Service::Storage => {
                "The rate limit for this bucket was exceeded. Please reduce your request rate."
            }
            Service::BigQuery => {
                "Exceeded rate limits: too many api requests per user per method for this user."
            }
            _ => {
                "Quota exceeded for quota metric 'Generate credentials requests' and limit 'Requests per minute'."
            }
        };
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", "rateLimitExceeded", message)
    }

    pub(crate) fn internal() -> Self {
        let message = "Internal error encountered.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "backendError", message)
    }

    pub(crate) fn unknown_method(request: &Request) -> Self {
        Self::not_found(format!("This fake of Google has no {} {}.", request.method(), request.uri().path()))
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Adds a google.rpc.ErrorInfo.
    pub(crate) fn with_error_info(mut self, reason: &str, domain: &str, metadata: &Value) -> Self {
        self.details = Some(json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": domain,
            "metadata": metadata,
        }]));
        self
    }

    pub(crate) fn into_response(self, style: Style) -> Response {
        let response = match style {
            Style::Rpc => {
                self.json_response(self.details.as_ref().map(|details| ("details", details.clone())))
            }
            Style::Legacy => self.json_response(Some(("errors", json!([self.legacy_entry()])))),
            Style::Grpc => grpc::error_response(self.code, &self.message),
            Style::Registry => self.registry_response(),
        };
        response.with_error(format!("{}: {}", self.code, self.message))
    }

    /// Returns the error as JSON, with an additional field of the format.
    fn json_response(&self, extra: Option<(&str, Value)>) -> Response {
        let mut error = json!({"code": self.status.as_u16(), "message": self.message, "status": self.code});
        if let Some((name, value)) = extra {
            error[name] = value;
        }
        let response = Response::json(self.status, &json!({"error": error}));
        if self.status == StatusCode::UNAUTHORIZED {
            return response.with_header(
                WWW_AUTHENTICATE,
                "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"",
            );
        }
        response
    }

    fn registry_response(&self) -> Response {
        let code = match self.status {
            StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
            StatusCode::FORBIDDEN => "DENIED",
            StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
            _ => "UNKNOWN",
        };
        Response::json(self.status, &json!({"errors": [{"code": code, "message": self.message}]}))
    }

    /// Returns the single entry of `errors` in the legacy format.
    fn legacy_entry(&self) -> Value {
        let mut entry = json!({"message": self.message, "domain": "global", "reason": self.reason});
        if self.status == StatusCode::UNAUTHORIZED {
            entry["locationType"] = "header".into();
            entry["location"] = "Authorization".into();
        }
        entry
    }
}
