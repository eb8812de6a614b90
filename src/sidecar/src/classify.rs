//! From what the AWS SDK and its connector report to a [`Fault`]: which hop broke, and in whose words.

use std::error::Error;

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::error::display::DisplayErrorContext;
use rolebridge_core::error_chain::{chain, root_cause};

use crate::fault::{Fault, Reason};

/// A call to AWS STS, and what its refusals are about.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// `AssumeRoleWithWebIdentity` of a role.
    AssumeRole(&'a str),
    /// `GetWebIdentityToken` for an audience.
    GetWebToken(&'a str),
}

/// The fault behind a call to `host` that failed.
#[must_use]
pub fn classify<E>(error: &SdkError<E, HttpResponse>, operation: Operation<'_>, host: &str) -> Fault
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            let (code, message) = (answer.err().code(), answer.err().message().unwrap_or_default());
            let said = code.unwrap_or("no error code");
            let (reason, about) = match operation {
                Operation::AssumeRole(role) => (of_answer(code, message, status), format!("role {role}")),
                Operation::GetWebToken(audience) => {
                    (of_web_token(code, message, status), format!("audience {audience}"))
                }
            };
            Fault::new(reason, format!("{about}, {host} said {status} {said}: {message}"))
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            Fault::new(Reason::UnexpectedAnswer, format!("{host} answered with status {status}"))
        }
        SdkError::TimeoutError(_) => Fault::new(Reason::Timeout, host),
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .map_or_else(|| Fault::new(Reason::Connect, host), |cause| connection_fault(cause, host)),
        other => Fault::new(Reason::Refused, format!("{host}: {}", DisplayErrorContext(other))),
    }
}

/// The errors of `GetWebIdentityToken`'s own.
///
/// Source: `GetWebIdentityToken`, AWS STS API reference.
fn of_web_token(code: Option<&str>, message: &str, status: u16) -> Reason {
    match code {
        Some("AccessDenied" | "AccessDeniedException") => Reason::WebTokenDenied,
        Some(code) if code.starts_with("OutboundWebIdentityFederationDisabled") => Reason::FederationDisabled,
        _ => of_answer(code, message, status),
    }
}

/// By AWS's error code, then by its words where one code means several things.
///
/// Source: `AssumeRoleWithWebIdentity` and "Common errors", AWS STS API reference.
fn of_answer(code: Option<&str>, message: &str, status: u16) -> Reason {
    let says = |words: &str| message.contains(words);
    match code {
        Some("AccessDenied" | "AccessDeniedException") => Reason::AccessDenied,
        Some("InvalidIdentityToken") if says("No OpenIDConnect provider found") => Reason::NoIdentityProvider,
        Some("InvalidIdentityToken") if says("Incorrect token audience") => Reason::WrongAudience,
        Some("InvalidIdentityToken") => Reason::TokenRejected,
        Some("ExpiredTokenException" | "ExpiredToken") => Reason::TokenExpired,
        Some("IDPCommunicationError") => Reason::ProviderUnreachable,
        Some("IDPRejectedClaim") => Reason::ClaimRejected,
        Some("ValidationError") if says("DurationSeconds") => Reason::SessionTooLong,
        Some("ValidationError") => Reason::InvalidRequest,
        Some("MalformedPolicyDocument" | "PackedPolicyTooLarge") => Reason::PolicyRefused,
        Some("RegionDisabledException") => Reason::RegionDisabled,
        Some("Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "SlowDown") => Reason::Throttled,
        _ if status == 429 => Reason::Throttled,
        Some(_) if status < 500 => Reason::Refused,
        None if status < 500 => Reason::UnexpectedAnswer,
        _ => Reason::ServerError,
    }
}

/// The fault behind a connection to `host` that was not made or broke.
#[must_use]
pub fn connection_fault(cause: &ConnectorError, host: &str) -> Fault {
    Fault::new(of_connection(cause), format!("{host}: {}", root_cause(cause)))
}

/// By the first error in the chain that tells. The connector's own types for DNS and proxies are private; their words,
/// which the tests of the connection meet, are all there is.
fn of_connection(error: &(dyn Error + 'static)) -> Reason {
    for cause in chain(error) {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return of_tls(tls);
        }
        let words = cause.to_string();
        if words.starts_with("tunnel error") {
            return Reason::Proxy;
        } else if words.starts_with("dns error") {
            return Reason::Dns;
        } else if words == "tls handshake eof" {
            return Reason::Tls;
        } else if words.contains("timeout") || words.contains("timed out") {
            return Reason::Timeout;
        }
    }
    Reason::Connect
}

fn of_tls(error: &rustls::Error) -> Reason {
    use rustls::CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    match error {
        rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        ) => Reason::CertificateDate,
        rustls::Error::InvalidCertificate(_) => Reason::Untrusted,
        _ => Reason::Tls,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Some("Throttling"), "Rate exceeded", 400, Reason::Throttled)]
    #[case(None, "", 429, Reason::Throttled)]
    #[case(Some("InternalFailure"), "", 500, Reason::ServerError)]
    #[case(Some("ServiceUnavailable"), "", 503, Reason::ServerError)]
    #[case(None, "", 502, Reason::ServerError)]
    #[case(None, "", 403, Reason::UnexpectedAnswer)]
    #[case(Some("SomethingNew"), "", 400, Reason::Refused)]
    fn codes_and_statuses(
        #[case] code: Option<&str>,
        #[case] message: &str,
        #[case] status: u16,
        #[case] reason: Reason,
    ) {
        assert_eq!(of_answer(code, message, status), reason);
    }

    #[test]
    fn a_tls_error_is_found_two_io_errors_deep() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = std::io::Error::other(std::io::Error::other(tls));
        assert_eq!(of_connection(&error), Reason::Untrusted);
        assert_eq!(root_cause(&error), "invalid peer certificate: UnknownIssuer");
    }
}
