//! The task of one token: it requests the token, stores it, sleeps, and requests it again ahead of need or on demand.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::cache::{Inner, SharedSlot, TokenCache};
use super::slot::{CachedToken, FetchState, GOOGLE_TOKEN_EARLIEST_FIRST_RENEWAL};
use crate::backoff::FailedAttempt;
use crate::error::{Error, ErrorKind};
use crate::google::{Token, TokenProvider};
use crate::metrics::FailureGuard;
use crate::schedule::EARLIEST_RENEWAL;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::shared_state::Reader;
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
            Err(FetchError::Request(error)) => {
                guard.get_or_insert_with(|| cache.0.metrics.failure_guard());
                failures += 1;
                let remaining = remaining(&shared);
                let wait = FailedAttempt::from(&error).wait_while_valid(remaining, failures, fastrand::f64());
                error.log(Some(kind.class().name()), wait);
                cache.0.metrics.count_issue_error(kind.class(), &error);
                set_error(&shared, &error);
                sleep(wait).await;
                wait_until_retry(&kind, &shared, &mut guard).await;
            }
            Err(FetchError::Dependency(dependency, error)) => {
                set_error(&shared, &error);
                cache.wait_for_dependency(dependency, |error| set_error(&shared, error)).await;
                wait_until_retry(&kind, &shared, &mut guard).await;
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

/// Returns the remaining lifetime of the token; zero if there is none.
fn remaining(shared: &SharedSlot) -> Duration {
    shared.slot.borrow().valid_token(Instant::now()).map_or(Duration::ZERO, |token| token.expires_in)
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

/// Sets the error that callers get while the task waits before the next attempt.
fn set_error(shared: &SharedSlot, error: &Error) {
    shared.slot.send_if_modified(|slot| {
        let changed = slot.state != FetchState::BackingOff || slot.error.as_ref() != Some(error);
        if changed {
            (slot.error, slot.state) = (Some(error.clone()), FetchState::BackingOff);
        }
        changed
    });
}

/// Waits until the token is requested. A valid token that is renewed ahead counts as requested.
async fn wait_until_retry(kind: &TokenKind, shared: &SharedSlot, guard: &mut Option<FailureGuard>) {
    shared.slot.send_modify(|slot| slot.state = FetchState::Idle);
    if kind.is_renewed_ahead() && !remaining(shared).is_zero() {
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
    /// Another token, which the request needs, is missing. Its owner logs, counts and retries the error.
    Dependency(Dependency, Error),
}

/// A token that the request for another one needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dependency {
    /// The subject token of the refresher.
    Subject,
    /// The federated token of its own task.
    Federated,
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
            TokenKind::Id { audience } => {
                let federated = self.federated().await?;
                self.check_federated(&federated, provider.id_token(&federated, audience).await)
            }
        }
    }

    async fn exchange(&self, scopes: &Scopes) -> Result<Token, FetchError> {
        let subject = self.subject_token().await?;
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
        let token = self.get_for_exchange(&TokenKind::Federated).await;
        token.map(|token| token.secret).map_err(|error| FetchError::Dependency(Dependency::Federated, error))
    }

    /// Waits for the subject token, or for the error that prevents it.
    async fn subject_token(&self) -> Result<SubjectToken, FetchError> {
        let mut state = self.0.state.clone();
        loop {
            {
                let current = state.borrow_and_update();
                if let Some(token) = current.token_at(self.0.clock.now()) {
                    return Ok(token.clone());
                }
                if let Some(error) = &current.error {
                    return Err(FetchError::Dependency(Dependency::Subject, error.clone()));
                }
            }
            changed(&mut state).await;
        }
    }

    /// Waits until a missing token is available or requested again. Passes its current error meanwhile to `on_error`.
    async fn wait_for_dependency(&self, dependency: Dependency, on_error: impl Fn(&Error)) {
        match dependency {
            Dependency::Subject => self.wait_for_subject_token(on_error).await,
            Dependency::Federated => self.wait_for_federated(on_error).await,
        }
    }

    async fn wait_for_subject_token(&self, on_error: impl Fn(&Error)) {
        let mut state = self.0.state.clone();
        loop {
            {
                let current = state.borrow_and_update();
                if current.token_at(self.0.clock.now()).is_some() {
                    return;
                }
                current.error.iter().for_each(&on_error);
            }
            changed(&mut state).await;
        }
    }

    /// Waits until the federated token's task no longer backs off.
    async fn wait_for_federated(&self, on_error: impl Fn(&Error)) {
        let mut slot = self.shared_slot(&TokenKind::Federated).slot.subscribe();
        loop {
            {
                let current = slot.borrow_and_update();
                if current.state != FetchState::BackingOff {
                    return;
                }
                current.error.iter().for_each(&on_error);
            }
            if slot.changed().await.is_err() {
                // The entry was evicted, and so no longer backs off.
                return;
            }
        }
    }
}

/// Waits for a change. A refresher that has stopped makes none: the process exits.
async fn changed(state: &mut Reader) {
    if state.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
