//! Errors of calls to the API server, reduced to the status code and the message that helps an operator.

use std::error::Error;
use std::fmt::Display;

use kube::core::Status;
use rolebridge_core::error_chain::{chain, root_cause};

/// A failed call to the API server.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ApiError {
    /// HTTP status; zero if there was no response.
    code: u16,
    message: String,
}

impl ApiError {
    /// Creates an error for a call without a response.
    pub(crate) fn without_response(message: impl Display) -> Self {
        Self { code: 0, message: message.to_string() }
    }

    /// Returns whether another client changed the object first.
    pub(crate) const fn is_conflict(&self) -> bool {
        self.code == 409
    }
}

impl From<&kube::Error> for ApiError {
    fn from(error: &kube::Error) -> Self {
        let code = match error {
            kube::Error::Api(status) => status.code,
            _ => 0,
        };
        Self { code, message: error_message(error) }
    }
}

/// Returns the API server's message, else the root cause: "connection failed" alone does not say why. Without a full
/// stop.
pub(crate) fn error_message(error: &(dyn Error + 'static)) -> String {
    let status = chain(error).find_map(|error| error.downcast_ref::<Box<Status>>());
    let message = status.map(|status| status.message.clone()).filter(|message| !message.is_empty());
    message.unwrap_or_else(|| root_cause(error)).trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use rstest::rstest;

    use super::*;

    fn forbidden() -> Box<Status> {
        Box::new(Status::failure("serviceaccounts is forbidden.", "Forbidden"))
    }

    fn no_such_host() -> io::Error {
        io::Error::other(io::Error::other("no such host"))
    }

    #[rstest]
    #[case::refused(
        kube::Error::Service(Box::new(io::Error::from(io::ErrorKind::ConnectionRefused))),
        "connection refused"
    )]
    #[case::nested(kube::Error::Service(Box::new(no_such_host())), "no such host")]
    #[case::status(kube::Error::Api(forbidden()), "serviceaccounts is forbidden")]
    #[case::status_without_message(kube::Error::Api(Box::new(Status::failure("", "Gone"))), ": Gone")]
    #[case::local(kube::Error::TlsRequired, "TLS required but no TLS stack selected")]
    #[case::wrapped(io::Error::other(kube::Error::Api(forbidden())), "serviceaccounts is forbidden")]
    fn error_message_is_the_most_specific_one(#[case] error: impl Error + 'static, #[case] expected: &str) {
        assert_eq!(error_message(&error), expected);
    }
}
