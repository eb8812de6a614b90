//! Errors of the agent, and those of EKS that it forwards.

use http::StatusCode;

use crate::config::AGENT_ADDRESSES;
use crate::faults::ErrorKind;
use crate::secret;
use crate::wire::Response;

/// An error response of the agent.
#[derive(Debug)]
pub(super) struct AgentError {
    status: StatusCode,
    text: String,
}

impl AgentError {
    /// Returns an error of the agent itself.
    fn bad_request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// Returns a forwarded error of the EKS Auth API.
    fn eks_auth(status: StatusCode, code: &str, message: &str) -> Self {
        let party = if status.is_server_error() { "server" } else { "client" };
        Self { status, text: format!("[{}]: ({code}): {message}, fault: {party}", secret::uuid()) }
    }

    pub(super) fn not_assumable() -> Self {
        let message = "Unauthorized Exception! EKS does not have permissions to assume the associated role.";
        Self::eks_auth(StatusCode::BAD_REQUEST, "AccessDeniedException", message)
    }

    pub(super) fn expired() -> Self {
        Self::bad_request(
            "Service account token failed basic claim validations: token has invalid claims: token is expired",
        )
    }

    pub(super) fn not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, text: "404 page not found".to_owned() }
    }

    /// Returns the error for a request to another address. The agent names its own two, in Go's form of a list.
    pub(super) fn invalid_address(host: &str) -> Self {
        let [v4, v6] = AGENT_ADDRESSES;
        let text = format!(
            "Access Denied. Called agent through invalid address, please use either [{v4} {v6}] address not {host}"
        );
        Self { status: StatusCode::FORBIDDEN, text }
    }

    pub(super) fn too_many_requests() -> Self {
        Self { status: StatusCode::TOO_MANY_REQUESTS, text: "Too Many Requests".to_owned() }
    }

    pub(super) fn missing_token() -> Self {
        Self::bad_request("Service account token cannot be empty")
    }

    pub(super) fn malformed_token() -> Self {
        Self::bad_request(
            "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments",
        )
    }

    /// Returns an error with a message of this fake's own.
    pub(super) fn invalid_token(message: &str) -> Self {
        Self::eks_auth(StatusCode::BAD_REQUEST, "InvalidTokenException", message)
    }

    /// Returns an error with a message of this fake's own.
    pub(super) fn association_not_found() -> Self {
        let message = "No association found for the service account of the token.";
        Self::eks_auth(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// Returns the error of an injected fault.
    pub(super) fn simulated(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Expired => Self::expired(),
            ErrorKind::Denied => Self::not_assumable(),
            ErrorKind::Throttled => {
                Self::eks_auth(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded")
            }
            ErrorKind::Internal => {
                let message = "There was an error with the server. Retry your request again.";
                Self::eks_auth(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException", message)
            }
        }
    }
}

impl From<AgentError> for Response {
    fn from(error: AgentError) -> Self {
        let AgentError { status, text } = error;
        Self::new(status, "text/plain; charset=utf-8", format!("{text}\n")).with_error(text)
    }
}
