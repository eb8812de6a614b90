//! Errors of AWS: the XML of the Query protocol, with AWS's codes and messages.

use http::StatusCode;

use super::xml::escape;
use crate::secret;
use crate::wire::Response;

/// The XML namespace of AWS STS.
pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Returns the error for a parameter that the service's model does not allow.
    pub(crate) fn constraint(value: &str, parameter: &str, constraint: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{parameter}' failed to satisfy constraint: \
             Member must {constraint}"
        ))
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "ValidationError", message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(crate) fn identity(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidIdentityToken", message)
    }

    pub(crate) fn signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message)
    }

    pub(crate) fn incomplete_signature(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "IncompleteSignature", message)
    }

    pub(crate) fn invalid_token() -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(StatusCode::FORBIDDEN, "InvalidClientTokenId", message)
    }

    pub(crate) fn expired_token() -> Self {
        let message = "The security token included in the request is expired";
        Self::new(StatusCode::FORBIDDEN, "ExpiredToken", message)
    }

    fn body(&self) -> String {
        let error_type = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>{error_type}</Type>\n    <Code>{}</Code>\n    \
             <Message>{}</Message>\n  </Error>\n  <RequestId>{}</RequestId>\n</ErrorResponse>\n",
            self.code,
            escape(&self.message),
            secret::uuid(),
        )
    }
}

impl From<Error> for Response {
    fn from(error: Error) -> Self {
        let reason = format!("{}: {}", error.code, error.message);
        Self::new(error.status, "text/xml", error.body()).with_error(reason)
    }
}

/// Returns the response of a successful action.
pub(crate) fn success(action: &str, result: &str) -> Response {
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\">\n  <{action}Result>\n{result}  </{action}Result>\n  \
         <ResponseMetadata>\n    <RequestId>{}</RequestId>\n  </ResponseMetadata>\n</{action}Response>\n",
        secret::uuid(),
    );
    Response::new(StatusCode::OK, "text/xml", body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::xml::element;

    #[test]
    fn error_response_is_query_protocol_xml() {
        let response = Response::from(Error::denied("Not <you>"));
        let body = String::from_utf8(response.body.to_vec()).unwrap();
        let id = element(&body, "RequestId").unwrap();
        assert_eq!(
            body.replace(id, "ID"),
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>AccessDenied</Code>\n    <Message>Not &lt;you&gt;</Message>\n  \
             </Error>\n  <RequestId>ID</RequestId>\n</ErrorResponse>\n"
        );
        assert_eq!(response.error.as_deref(), Some("AccessDenied: Not <you>"));
    }
}
