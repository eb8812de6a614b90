//! The cache of Google tokens. One task per token requests and renews it, so that concurrent callers share one request and
//! callers find a fresh token.
//!
//! An access token is renewed ahead of need if the previous one was requested. An ID token is renewed when it is
//! requested. Callers wait for the first token. A valid token is returned until it expires, even while renewal fails.

mod cache;
mod slot;
mod task;

use std::sync::{Arc, Mutex};

#[cfg(test)]
pub(crate) use self::cache::MAX_TOKENS;
pub use self::cache::TokenCache;
use self::cache::{Inner, StartTask};
pub use self::slot::{IssuedToken, Unavailable};
use crate::clock::Clock;
use crate::google::TokenProvider;
use crate::metrics::Metrics;
use crate::shared_state::Reader;

impl<P: TokenProvider> TokenCache<P> {
    /// Creates a cache of tokens from `provider`, for the subject token in `state`.
    pub fn new(provider: P, impersonates: bool, state: Reader, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let start_task: StartTask<P> =
            |cache, kind, shared| tokio::spawn(task::run(cache, kind, shared)).abort_handle();
        let entries = Mutex::default();
        Self(Arc::new(Inner { provider, impersonates, state, clock, metrics, start_task, entries }))
    }
}

#[cfg(test)]
mod tests;
