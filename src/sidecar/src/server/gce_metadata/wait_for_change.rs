//! The parameters `wait_for_change`, `last_etag` and `timeout_sec`, which Go's library and scripts use.

use std::future::pending;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::query::Wait;
use super::response::{Body, Rejection, etag};
use super::state::GceMetadataServer;
use crate::google::TokenProvider;
use crate::secret::Secret;
use crate::token_kind::TokenKind;

/// Waits for a change, for at most `limit` if there is one.
async fn wait_at_most(limit: Option<Duration>, change: impl Future<Output = ()>) {
    match limit {
        Some(limit) => drop(timeout(limit, change).await),
        None => change.await,
    }
}

impl<P: TokenProvider> GceMetadataServer<P> {
    /// Waits for a change of a value, which never changes. Returns at once if the client has another value.
    pub(super) async fn wait_for_value(&self, wait: &Wait, body: &Body) -> Result<(), Rejection> {
        if wait.last_etag.as_ref().is_none_or(|last| *last == body.etag) {
            let _permit = self.permit()?;
            wait_at_most(wait.timeout, pending()).await;
        }
        Ok(())
    }

    /// Waits until the access token differs from the client's, or from the current one if the client names none.
    pub(super) async fn wait_for_token(&self, wait: &Wait, kind: &TokenKind) -> Result<(), Rejection> {
        let _permit = self.permit()?;
        // If there is no token, the response contains the error.
        let Ok(token) = self.tokens.get(kind).await else { return Ok(()) };
        let last = wait.last_etag.clone().unwrap_or_else(|| etag(token.secret.expose()));
        let is_new = |secret: &Secret| etag(secret.expose()) != last;
        wait_at_most(wait.timeout, async { drop(self.tokens.wait_for_new(kind, is_new, |_| {}).await) })
            .await;
        Ok(())
    }

    fn permit(&self) -> Result<SemaphorePermit<'_>, Rejection> {
        self.watchers.try_acquire().map_err(|_| {
            let reason = "too many requests wait for a change; retry later";
            Rejection::new(StatusCode::SERVICE_UNAVAILABLE, reason)
        })
    }
}
