//! The cache: finds or creates the entry of a token, and waits for the token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use super::slot::{FetchState, IssuedToken, Lookup, Slot, Unavailable};
use crate::clock::Clock;
use crate::error::Error;
use crate::google::TokenProvider;
use crate::metrics::Metrics;
use crate::secret::Secret;
use crate::shared_state::Reader;
use crate::token_kind::TokenKind;

/// Maximum number of cached tokens. When the cache is full, the least recently requested token without waiting callers is
/// evicted.
pub(crate) const MAX_TOKENS: usize = 64;

/// The cache. Clones share it.
#[derive(Debug)]
pub struct TokenCache<P>(pub(super) Arc<Inner<P>>);

impl<P> Clone for TokenCache<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Starts the task of one token.
pub(super) type StartTask<P> = fn(TokenCache<P>, TokenKind, Arc<SharedSlot>) -> AbortHandle;

#[derive(Debug)]
pub(super) struct Inner<P> {
    pub(super) provider: P,
    pub(super) impersonates: bool,
    pub(super) state: Reader,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) start_task: StartTask<P>,
    pub(super) entries: Mutex<HashMap<TokenKind, CacheEntry>>,
}

/// A cached token and the task that renews it.
#[derive(Debug)]
pub(super) struct CacheEntry {
    shared: Arc<SharedSlot>,
    last_request: Instant,
    task: AbortHandle,
}

impl CacheEntry {
    /// Returns true if only the cache and the entry's task hold the slot, and so no caller waits.
    fn has_no_waiters(&self) -> bool {
        Arc::strong_count(&self.shared) <= 2
    }
}

impl Drop for CacheEntry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A slot that callers and the entry's task share.
#[derive(Debug, Default)]
pub(super) struct SharedSlot {
    pub(super) slot: watch::Sender<Slot>,
    /// Has one permit if the token was requested.
    pub(super) requested: Notify,
    /// Has one permit if Google rejected the token.
    pub(super) invalidated: Notify,
}

impl<P: TokenProvider> TokenCache<P> {
    /// Returns a token for an app. Waits a little if a token may arrive soon; the app has its own timeouts.
    ///
    /// # Errors
    /// Returns an error if no token is available in that time.
    pub async fn get(&self, kind: &TokenKind) -> Result<IssuedToken, Unavailable> {
        let requested = Instant::now();
        self.get_with(kind, |slot, now| slot.lookup_for_app(now, requested)).await
    }

    /// Returns a token that is needed to request another one. Waits until the token arrives or its request fails.
    pub(super) async fn get_for_exchange(&self, kind: &TokenKind) -> Result<IssuedToken, Error> {
        self.get_with(kind, Slot::lookup_for_exchange).await
    }

    async fn get_with<E>(
        &self,
        kind: &TokenKind,
        lookup: impl Fn(&Slot, Instant) -> Lookup<E>,
    ) -> Result<IssuedToken, E> {
        let shared = self.shared_slot(kind);
        let mut slot = shared.slot.subscribe();
        loop {
            let result = lookup(&slot.borrow_and_update(), Instant::now());
            if kind.is_renewed_ahead() || matches!(result, Lookup::Wait(_)) {
                shared.requested.notify_one();
            }
            let deadline = match result {
                Lookup::Hit(token) => return Ok(token),
                Lookup::Miss(error) => return Err(error),
                Lookup::Wait(deadline) => deadline,
            };
            // The sender exists as long as `shared`.
            let _ = timeout_at(deadline, slot.changed()).await;
        }
    }

    /// Waits without limit for a valid token that `is_new`. Passes each error meanwhile to `on_error`.
    pub async fn wait_for_new(
        &self,
        kind: &TokenKind,
        is_new: impl Fn(&Secret) -> bool,
        on_error: impl Fn(&Error),
    ) -> IssuedToken {
        let shared = self.shared_slot(kind);
        let mut slot = shared.slot.subscribe();
        loop {
            {
                let current = slot.borrow_and_update();
                match current.valid_token(Instant::now()) {
                    Some(token) if is_new(&token.secret) => return token,
                    _ => current.error.iter().for_each(&on_error),
                }
            }
            shared.requested.notify_one();
            // The sender exists as long as `shared`.
            let _ = slot.changed().await;
        }
    }

    /// Returns the slot of a token. Creates the entry and its task if there is none.
    pub(super) fn shared_slot(&self, kind: &TokenKind) -> Arc<SharedSlot> {
        let mut entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(kind) {
            entry.last_request = Instant::now();
            return Arc::clone(&entry.shared);
        }
        if entries.len() >= MAX_TOKENS {
            let evictable = entries.iter().filter(|(_, entry)| entry.has_no_waiters());
            let oldest = evictable.min_by_key(|(_, entry)| entry.last_request);
            let oldest = oldest.map(|(kind, _)| kind.clone());
            oldest.and_then(|kind| entries.remove(&kind));
        }
        let shared = Arc::new(SharedSlot::default());
        let task = (self.0.start_task)(self.clone(), kind.clone(), Arc::clone(&shared));
        let entry = CacheEntry { shared: Arc::clone(&shared), last_request: Instant::now(), task };
        entries.insert(kind.clone(), entry);
        shared
    }

    /// Returns the number of cached tokens.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Drops a federated token that Google rejected, and has its task request a new one.
    pub(super) fn invalidate_federated(&self, secret: &Secret) {
        let shared = self.shared_slot(&TokenKind::Federated);
        let invalidate = |slot: &mut Slot| slot.invalidate(secret) && slot.state == FetchState::Idle;
        if shared.slot.send_if_modified(invalidate) {
            shared.invalidated.notify_one();
        }
    }
}
