//! Errors of lists and watches.

use std::time::Duration;

use kube::core::Status;

use crate::api_error::error_message;

/// A failed list or watch.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListWatchError {
    /// The API server no longer has the resource version or the page: the list starts over.
    #[error("{0}")]
    Expired(String),
    /// A page has more bytes than allowed.
    #[error("page with {limit} objects exceeds {max_bytes} bytes")]
    PageTooLarge { limit: u32, max_bytes: usize },
    /// The API server did not finish within the deadline.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The watch ended at once, without an event.
    #[error("watch ended at once")]
    EndedAtOnce,
    /// A list without a resource version cannot be watched.
    #[error("list has no resource version")]
    NoResourceVersion,
    /// The call failed, or the response is invalid.
    #[error("{0}")]
    Failed(String),
}

impl From<kube::Error> for ListWatchError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::from(*status),
            error => Self::Failed(error_message(&error)),
        }
    }
}

impl From<Status> for ListWatchError {
    fn from(status: Status) -> Self {
        let is_expired = status.code == 410;
        let message = error_message(&kube::Error::Api(Box::new(status)));
        if is_expired { Self::Expired(message) } else { Self::Failed(message) }
    }
}
