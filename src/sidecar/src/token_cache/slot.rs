//! The state of one cached token, and the result of a lookup in it. Pure: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::google::Token;
use crate::schedule::renewal_fraction;
use crate::secret::Secret;
use crate::token_kind::TokenKind;

/// The remaining lifetime below which a token is not returned, because it may expire before it is used.
const GOOGLE_TOKEN_MIN_REMAINING: Duration = Duration::from_secs(10);
/// The remaining lifetime below which an access token is renewed before it is returned, if the renewal is fast. Google's
/// libraries request a new token when up to five minutes remain.
const MIN_FRESH_REMAINING: Duration = Duration::from_mins(5);
/// The age up to which an ID token is returned. Go's library assumes a lifetime of an hour minus this from the response.
const MAX_FRESH_ID_TOKEN_AGE: Duration = Duration::from_secs(10);
/// The time for which a caller waits for a fresher token while a valid one is cached.
const FRESHER_TOKEN_TIMEOUT: Duration = Duration::from_secs(1);
/// The fraction of the first token's lifetime after which it is renewed at the earliest, so that pods that started
/// together do not renew together. A token renewed earlier would be half expired when the app requests it again shortly
/// before its own copy expires.
pub(super) const GOOGLE_TOKEN_EARLIEST_FIRST_RENEWAL: f64 = 0.3;
/// Maximum assumed lifetime. Google's tokens are valid for 12 hours at most. This value replaces any longer one.
const MAX_LIFETIME: Duration = Duration::from_hours(24);
/// The time for which an app waits for a first token. Python's and Node's libraries time out after three seconds. This is
/// a little less, so that the app's log shows the sidecar's error.
const APP_TIMEOUT: Duration = Duration::from_millis(2500);

/// A token for a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token.
    pub secret: Secret,
    /// The remaining lifetime.
    pub expires_in: Duration,
}

/// The reason why a caller gets no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// The last request failed.
    Error(Error),
    /// No response has arrived yet.
    Pending,
}

/// A token and its times.
#[derive(Debug, Clone)]
pub(super) struct CachedToken {
    secret: Secret,
    expires: Instant,
    fresh_until: Instant,
    /// The time from which its task renews it.
    pub(super) renew_at: Instant,
}

impl CachedToken {
    /// Creates an entry. The token is renewed after a fraction of its lifetime: from `earliest` on, by `jitter` (0 to 1).
    pub(super) fn new(token: Token, kind: &TokenKind, now: Instant, earliest: f64, jitter: f64) -> Self {
        let Token { secret, expires_in } = token;
        let lifetime = expires_in.min(MAX_LIFETIME);
        let expires = now + lifetime;
        if kind.is_renewed_ahead() {
            let renew_at = now + lifetime.mul_f64(renewal_fraction(earliest, jitter));
            let fresh_until = expires - MIN_FRESH_REMAINING.min(lifetime / 4);
            Self { secret, expires, fresh_until, renew_at }
        } else {
            let fresh_until = now + MAX_FRESH_ID_TOKEN_AGE.min(lifetime / 4);
            Self { secret, expires, fresh_until, renew_at: fresh_until }
        }
    }

    fn is_valid(&self, now: Instant) -> bool {
        now + GOOGLE_TOKEN_MIN_REMAINING < self.expires
    }

    fn issue(&self, now: Instant) -> IssuedToken {
        IssuedToken { secret: self.secret.clone(), expires_in: self.expires - now }
    }
}

/// The state of the token's task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FetchState {
    /// Waiting until the token is due or requested.
    #[default]
    Idle,
    /// Waiting for Google since that time.
    Requesting(Instant),
    /// Waiting after an error.
    BackingOff,
}

/// The result of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup<E> {
    Hit(IssuedToken),
    Miss(E),
    /// Look again after a change, or at that time.
    Wait(Instant),
}

/// The state of one cached token.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) cached: Option<CachedToken>,
    /// The error of the last request, if it failed.
    pub(super) error: Option<Error>,
    pub(super) state: FetchState,
}

impl Slot {
    /// Returns the token, if it is valid at `now`.
    pub(super) fn valid_token(&self, now: Instant) -> Option<IssuedToken> {
        self.cached.as_ref().filter(|cached| cached.is_valid(now)).map(|cached| cached.issue(now))
    }

    /// Drops the token if it is `secret`. Returns true if it was.
    pub(super) fn invalidate(&mut self, secret: &Secret) -> bool {
        self.cached.take_if(|cached| cached.secret == *secret).is_some()
    }

    /// Looks the token up for an app that requested it at `requested`. The app has its own timeouts.
    pub(super) fn lookup_for_app(&self, now: Instant, requested: Instant) -> Lookup<Unavailable> {
        self.lookup_valid(now, requested).unwrap_or_else(|| match &self.error {
            Some(error) if self.state == FetchState::BackingOff && error.is_permanent() => {
                Lookup::Miss(Unavailable::Error(error.clone()))
            }
            _ if now < requested + APP_TIMEOUT => Lookup::Wait(requested + APP_TIMEOUT),
            Some(error) => Lookup::Miss(Unavailable::Error(error.clone())),
            None => Lookup::Miss(Unavailable::Pending),
        })
    }

    /// Looks the token up for the request of another one, which waits until this one arrives or its request fails.
    pub(super) fn lookup_for_exchange(&self, now: Instant) -> Lookup<Error> {
        self.lookup_valid(now, now).unwrap_or_else(|| match &self.error {
            Some(error) if self.state == FetchState::BackingOff => Lookup::Miss(error.clone()),
            _ => Lookup::Wait(now + Duration::from_mins(1)),
        })
    }

    /// Returns a valid token, or the wait for a fresher one; `None` if no valid token is cached.
    fn lookup_valid<E>(&self, now: Instant, requested: Instant) -> Option<Lookup<E>> {
        let cached = self.cached.as_ref().filter(|cached| cached.is_valid(now))?;
        let deadline = self.fresher_deadline(requested);
        let deadline = deadline.filter(|deadline| now >= cached.fresh_until && now < *deadline);
        Some(deadline.map_or_else(|| Lookup::Hit(cached.issue(now)), Lookup::Wait))
    }

    /// Returns the deadline of waiting for a fresher token while a valid one is cached. After one caller has timed out,
    /// later callers get the cached token at once.
    fn fresher_deadline(&self, requested: Instant) -> Option<Instant> {
        match self.state {
            FetchState::BackingOff => None,
            FetchState::Requesting(since) => Some(since + FRESHER_TOKEN_TIMEOUT),
            FetchState::Idle => Some(requested + FRESHER_TOKEN_TIMEOUT),
        }
    }
}
