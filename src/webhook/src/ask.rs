//! One call to the API server that nobody's review waits for, and why it did not do as it was asked.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::timeout;

use crate::cause::cause;

/// How long the API server has for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for the API server's answer, in bounds, and says what was wrong with it without repeating itself.
pub(crate) async fn ask<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Refused> {
    match timeout(PATIENCE, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Refused { code: code(&error), cause: cause(&error) }),
        Err(_) => Err(Refused { code: 0, cause: format!("no answer within {PATIENCE:?}") }),
    }
}

const fn code(error: &kube::Error) -> u16 {
    match error {
        kube::Error::Api(status) => status.code,
        _ => 0,
    }
}

/// What the API server did not do, and why.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub(crate) struct Refused {
    /// The HTTP status, if it answered at all.
    code: u16,
    cause: String,
}

impl Refused {
    /// A request that was never sent.
    pub(crate) fn by_ourselves(cause: &dyn Display) -> Self {
        Self { code: 0, cause: cause.to_string() }
    }

    /// Whether somebody else has changed the object first.
    pub(crate) const fn is_conflict(&self) -> bool {
        self.code == 409
    }
}
