//! Calls to the API server with a deadline.

use std::time::Duration;

use tokio::time::timeout;

use crate::api_error::ApiError;

/// Deadline of a call that no admission review waits for.
pub(crate) const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(5);

/// Awaits a call to the API server for at most `deadline`.
///
/// # Errors
///
/// Returns an error if the call fails or the deadline passes.
pub(crate) async fn call_with_timeout<T>(
    deadline: Duration,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, ApiError> {
    match timeout(deadline, call).await {
        Ok(result) => result.map_err(|error| ApiError::from(&error)),
        Err(_) => Err(ApiError::without_response(no_answer(deadline))),
    }
}

/// Returns the message about a call without an answer.
pub(crate) fn no_answer(deadline: Duration) -> String {
    format!("no answer within {deadline:?}")
}
