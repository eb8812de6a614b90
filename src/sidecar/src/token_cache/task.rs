//! The task of one token: it requests the token, stores it, sleeps, and requests it again ahead of need or on demand.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::cache::{Inner, SharedSlot, TokenCache};
use super::slot::{CachedToken, FetchState, GOOGLE_TOKEN_EARLIEST_FIRST_RENEWAL};
use crate::error::{Error, ErrorKind};
use crate::google::{Token, TokenProvider};
use crate::metrics::FailureGuard;
use crate::schedule::{EARLIEST_RENEWAL, backoff};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;
use crate::token_kind::TokenKind;

/// The time for which the gauge reports a failed token that is no longer requested.
const FAILURE_REPORT_TIMEOUT: Duration = Duration::from_mins(10);

pub(super) async fn run<P: TokenProvider>(cache: TokenCache<P>, kind: TokenKind, shared: Arc<SharedSlot>) {
    let (mut failures, mut earliest) = (0, GOOGLE_TOKEN_EARLIEST_FIRST_RENEWAL);
    let mut guard = None;
    loop {
        shared.slot.send_modify(|slot| slot.state = FetchState::Requesting(Instant::now()));
        match cache.fetch(&kind).await {
            Ok(token) => {
                (failures, guard) = (0, None);
                let renew_at = store(&cache, &kind, &shared, token, earliest);
                earliest = EARLIEST_RENEWAL;
                tokio::select! {
                    () = wait_until_needed(&shared, renew_at) => {}
                    () = shared.invalidated.notified() => {}
                }
            }
            Err(error) => {
                guard.get_or_insert_with(|| cache.0.metrics.failure_guard());
                match error {
                    FetchError::Request(error) => {
                        failures += 1;
                        let wait = backoff(failures, error.is_permanent(), fastrand::f64());
                        error.log(Some(kind.class().name()), wait);
                        cache.0.metrics.count_issue_error(kind.class(), &error);
                        back_off(&kind, &shared, error, sleep(wait), &mut guard).await;
                    }
                    FetchError::Federated(error) => {
                        back_off(&kind, &shared, error, cache.federated_backoff(), &mut guard).await;
                    }
                }
            }
        }
    }
}

/// Stores a token and returns the time to renew it.
fn store<P: TokenProvider>(
    cache: &TokenCache<P>,
    kind: &TokenKind,
    shared: &SharedSlot,
    token: Token,
    earliest: f64,
) -> Instant {
    let expires_in_seconds = token.expires_in.as_secs();
    tracing::info!(token = kind.class().name(), expires_in_seconds, "Google issued a token");
    cache.0.metrics.count_issued(kind.class());
    let cached = CachedToken::new(token, kind, Instant::now(), earliest, fastrand::f64());
    let renew_at = cached.renew_at;
    if !kind.is_renewed_ahead() {
        clear_requests(shared);
    }
    shared.slot.send_modify(|slot| {
        slot.cached = Some(cached);
        slot.error = None;
        slot.state = FetchState::Idle;
    });
    renew_at
}

async fn wait_until_needed(shared: &SharedSlot, renew_at: Instant) {
    sleep_until(renew_at).await;
    shared.requested.notified().await;
}

/// Removes the permit of earlier requests, which the new token answers.
fn clear_requests(shared: &SharedSlot) {
    let mut requested = std::pin::pin!(shared.requested.notified());
    requested.as_mut().enable();
}

/// Waits for `wait`, then until the token is requested. A valid token that is renewed ahead counts as requested.
async fn back_off(
    kind: &TokenKind,
    shared: &SharedSlot,
    error: Error,
    wait: impl Future<Output = ()>,
    guard: &mut Option<FailureGuard>,
) {
    shared.slot.send_modify(|slot| {
        slot.error = Some(error);
        slot.state = FetchState::BackingOff;
    });
    wait.await;
    shared.slot.send_modify(|slot| slot.state = FetchState::Idle);
    let has_valid_token = shared.slot.borrow().valid_token(Instant::now()).is_some();
    if kind.is_renewed_ahead() && has_valid_token {
        return;
    }
    if timeout(FAILURE_REPORT_TIMEOUT, shared.requested.notified()).await.is_err() {
        *guard = None;
        shared.requested.notified().await;
    }
}

/// The reason why a token could not be fetched.
enum FetchError {
    /// The request for it failed.
    Request(Error),
    /// The federated token that it needs is missing. That token's task has logged the error and backs off.
    Federated(Error),
}

impl<P: TokenProvider> TokenCache<P> {
    async fn fetch(&self, kind: &TokenKind) -> Result<Token, FetchError> {
        let Inner { provider, impersonates, .. } = &*self.0;
        match kind {
            TokenKind::Federated => self.exchange(&Scopes::cloud_platform()).await,
            TokenKind::Access(scopes) if !impersonates => self.exchange(scopes).await,
            TokenKind::Access(scopes) => {
                let federated = self.federated().await?;
                self.check_federated(&federated, provider.access_token(&federated, scopes).await)
            }
            TokenKind::Id { audience, with_email } => {
                let federated = self.federated().await?;
                self.check_federated(&federated, provider.id_token(&federated, audience, *with_email).await)
            }
        }
    }

    async fn exchange(&self, scopes: &Scopes) -> Result<Token, FetchError> {
        let subject = self.subject_token().await.map_err(FetchError::Request)?;
        self.0.provider.exchange(&subject, scopes).await.map_err(FetchError::Request)
    }

    /// Invalidates a federated token that Google rejected, so that it is not used again.
    fn check_federated(&self, federated: &Secret, result: Result<Token, Error>) -> Result<Token, FetchError> {
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::FederatedRejected) {
            self.invalidate_federated(federated);
        }
        result.map_err(FetchError::Request)
    }

    async fn federated(&self) -> Result<Secret, FetchError> {
        let token = self.get_for_exchange(&TokenKind::Federated).await.map_err(FetchError::Federated)?;
        Ok(token.secret)
    }

    /// Waits until the federated token's task no longer backs off.
    async fn federated_backoff(&self) {
        let mut slot = self.shared_slot(&TokenKind::Federated).slot.subscribe();
        // An error means that the entry was evicted, and so no longer backs off.
        let _ = slot.wait_for(|slot| slot.state != FetchState::BackingOff).await;
    }

    /// Waits for the subject token, or for the error that prevents it.
    async fn subject_token(&self) -> Result<SubjectToken, Error> {
        let mut state = self.0.state.clone();
        loop {
            {
                let current = state.borrow_and_update();
                if let Some(token) = current.token_at(self.0.clock.now()) {
                    return Ok(token.clone());
                }
                if let Some(error) = &current.error {
                    return Err(error.clone());
                }
            }
            if state.changed().await.is_err() {
                return Err(Error::new(ErrorKind::SigningFailed, "the refresher has stopped"));
            }
        }
    }
}
