//! The deadline of a call to AWS or Google.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The time limit of a whole call: connection, request and response.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Awaits a call to `host` for at most [`CALL_TIMEOUT`].
///
/// # Errors
/// Returns an error of the kind [`ErrorKind::Timeout`] if the call takes longer.
pub(crate) async fn call_with_deadline<T>(host: &str, call: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(CALL_TIMEOUT, call).await.map_err(|_| Error::new(ErrorKind::Timeout, host))
}
