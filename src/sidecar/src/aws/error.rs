//! Converts the AWS SDK's errors to [`Error`]: the stage, the kind and AWS's own text.

use std::error::Error as StdError;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::display::DisplayErrorContext;

use crate::error::{Error, ErrorKind};
use crate::http::error::connection_error;
use crate::http::request::retry_after;

/// A call to AWS STS and its subject, which error messages name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation<'a> {
    /// `AssumeRoleWithWebIdentity` of a role.
    AssumeRole(&'a str),
    /// `GetWebIdentityToken` for an audience.
    GetWebIdentityToken(&'a str),
}

/// Converts the error of a call to `host`.
pub(super) fn classify<E>(error: &SdkError<E, HttpResponse>, operation: Operation<'_>, host: &str) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(response) => {
            let status = response.raw().status().as_u16();
            let (code, message) = (response.err().code(), response.err().message().unwrap_or_default());
            let shown_code = code.unwrap_or("no error code");
            let (kind, subject) = match operation {
                Operation::AssumeRole(role) => {
                    (kind_of_assume_role(code, message, status), format!("role {role}"))
                }
                Operation::GetWebIdentityToken(audience) => {
                    (kind_of_get_web_identity_token(code, message, status), format!("audience {audience}"))
                }
            };
            let header = |name| response.raw().headers().get(name);
            let retry_after = header("retry-after").and_then(|after| retry_after(after, header("date")));
            Error::new(kind, format!("{subject}, {host} returned {status} {shown_code}: {message}"))
                .with_retry_after(retry_after)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            Error::new(ErrorKind::UnexpectedResponse, format!("{host} returned status {status}"))
        }
        SdkError::TimeoutError(_) => Error::new(ErrorKind::Timeout, host),
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .map_or_else(|| Error::new(ErrorKind::Connect, host), |error| connection_error(error, host)),
        other => Error::new(ErrorKind::Rejected, format!("{host}: {}", DisplayErrorContext(other))),
    }
}

/// Classifies an error response of `GetWebIdentityToken`.
///
/// Source: `GetWebIdentityToken`, AWS STS API reference.
fn kind_of_get_web_identity_token(code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    match code {
        Some("AccessDenied" | "AccessDeniedException") => ErrorKind::WebTokenDenied,
        Some(code) if code.starts_with("OutboundWebIdentityFederationDisabled") => {
            ErrorKind::FederationDisabled
        }
        _ => kind_of_assume_role(code, message, status),
    }
}

/// Classifies an error response by AWS's error code, and by its message if a code has several meanings.
///
/// Source: `AssumeRoleWithWebIdentity` and "Common errors", AWS STS API reference.
fn kind_of_assume_role(code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    let contains = |text: &str| message.contains(text);
    match code {
        Some("AccessDenied" | "AccessDeniedException") => ErrorKind::AccessDenied,
        Some("InvalidIdentityToken") if contains("No OpenIDConnect provider found") => {
            ErrorKind::NoIdentityProvider
        }
        Some("InvalidIdentityToken") if contains("Incorrect token audience") => ErrorKind::WrongAudience,
        Some("InvalidIdentityToken") if contains("thumbprint") => ErrorKind::ThumbprintMismatch,
        Some("InvalidIdentityToken") => ErrorKind::TokenRejected,
        Some("ExpiredTokenException" | "ExpiredToken") => ErrorKind::TokenExpired,
        Some("IDPCommunicationError") => ErrorKind::ProviderUnreachable,
        Some("IDPRejectedClaim") => ErrorKind::ClaimRejected,
        Some("ValidationError") if contains("DurationSeconds") => ErrorKind::SessionTooLong,
        Some("ValidationError") => ErrorKind::InvalidRequest,
        Some("MalformedPolicyDocument" | "PackedPolicyTooLarge") => ErrorKind::PolicyRejected,
        Some("RegionDisabledException") => ErrorKind::RegionDisabled,
        Some("Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "SlowDown") => {
            ErrorKind::Throttled
        }
        _ if status == 429 => ErrorKind::Throttled,
        Some(_) if status < 500 => ErrorKind::Rejected,
        None if status < 500 => ErrorKind::UnexpectedResponse,
        _ => ErrorKind::ServerError,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("Throttling"), "Rate exceeded", 400, ErrorKind::Throttled)]
    #[case(None, "", 429, ErrorKind::Throttled)]
    #[case(Some("InternalFailure"), "", 500, ErrorKind::ServerError)]
    #[case(Some("ServiceUnavailable"), "", 503, ErrorKind::ServerError)]
    #[case(None, "", 502, ErrorKind::ServerError)]
    #[case(None, "", 403, ErrorKind::UnexpectedResponse)]
    #[case(Some("SomethingNew"), "", 400, ErrorKind::Rejected)]
    fn error_response_is_classified_by_code_and_status(
        #[case] code: Option<&str>,
        #[case] message: &str,
        #[case] status: u16,
        #[case] kind: ErrorKind,
    ) {
        assert_eq!(kind_of_assume_role(code, message, status), kind);
    }
}
