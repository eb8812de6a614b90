//! What the agent refuses, and what it passes on of EKS.

use http::StatusCode;

use crate::secret;
use crate::state::Failure;
use crate::wire::Answer;

/// A refusal, as the agent passes it on.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    /// The agent's own.
    fn request(text: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text: text.into() }
    }

    /// Of the EKS Auth API.
    fn eks_auth(status: StatusCode, code: &str, message: &str) -> Self {
        let fault = if status.is_server_error() { "server" } else { "client" };
        Self { status, text: format!("[{}]: ({code}): {message}, fault: {fault}", secret::uuid()) }
    }

    pub(super) fn not_assumable() -> Self {
        let message = "Unauthorized Exception! EKS does not have permissions to assume the associated role.";
        Self::eks_auth(StatusCode::BAD_REQUEST, "AccessDeniedException", message)
    }

    pub(super) fn expired() -> Self {
        Self::request(
            "Service account token failed basic claim validations: token has invalid claims: token is expired",
        )
    }

    pub(super) fn no_page() -> Self {
        Self { status: StatusCode::NOT_FOUND, text: "404 page not found".to_owned() }
    }

    pub(super) fn no_token() -> Self {
        Self::request("Service account token cannot be empty")
    }

    pub(super) fn unreadable() -> Self {
        Self::request(
            "Service account token cannot be parsed: token is malformed: token contains an invalid number of segments",
        )
    }

    /// The words are this fake's own.
    pub(super) fn invalid_token(message: &str) -> Self {
        Self::eks_auth(StatusCode::BAD_REQUEST, "InvalidTokenException", message)
    }

    /// The words are this fake's own.
    pub(super) fn no_association() -> Self {
        let message = "No association found for the service account of the token.";
        Self::eks_auth(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
    }

    /// What a test asks for.
    pub(super) fn failure(failure: Failure) -> Self {
        match failure {
            Failure::Expired => Self::expired(),
            Failure::Denied => Self::not_assumable(),
            Failure::Throttled => {
                Self::eks_auth(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded")
            }
            Failure::Internal => {
                let message = "There was an error with the server. Retry your request again.";
                Self::eks_auth(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException", message)
            }
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, text } = refusal;
        Self::new(status, "text/plain; charset=utf-8", format!("{text}\n")).because(text)
    }
}
