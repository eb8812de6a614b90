//! Waiting for a change: `wait_for_change`, `last_etag` and `timeout_sec`, as Go's library and scripts use them.

use std::future::pending;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::Metadata;
use super::answer::{Refusal, Text};
use super::query::Wait;
use crate::google::Mint;
use crate::hex::hex;
use crate::secret::Secret;
use crate::tokens::Kind;

/// A mark of a text that tells it from another, and tells nothing of it: a token's may be shown.
pub(super) fn etag(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    hex(&digest.as_ref()[..8])
}

/// Waits for a change, up to a limit if there is one.
async fn up_to(limit: Option<Duration>, change: impl Future<Output = ()>) {
    match limit {
        Some(limit) => drop(timeout(limit, change).await),
        None => change.await,
    }
}

impl<M: Mint> Metadata<M> {
    /// Waits until a value that stays the same is to be given out: at once if another one is known.
    pub(super) async fn watch_value(&self, wait: &Wait, text: &Text) -> Result<(), Refusal> {
        if wait.last_etag.as_ref().is_none_or(|last| *last == text.etag) {
            let _permit = self.permit()?;
            up_to(wait.timeout, pending()).await;
        }
        Ok(())
    }

    /// Waits until the access token is another than the one that is known, or than the one at hand.
    pub(super) async fn watch_token(&self, wait: &Wait, kind: &Kind) -> Result<(), Refusal> {
        let _permit = self.permit()?;
        // Where there is none, the answer says why.
        let Ok(served) = self.tokens.token(kind).await else { return Ok(()) };
        let last = wait.last_etag.clone().unwrap_or_else(|| etag(served.secret.expose()));
        let is_new = |secret: &Secret| etag(secret.expose()) != last;
        up_to(wait.timeout, async { drop(self.tokens.another(kind, is_new, |_| {}).await) }).await;
        Ok(())
    }

    fn permit(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.watchers.try_acquire().map_err(|_| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests wait for a change; ask again later",
            )
        })
    }
}
