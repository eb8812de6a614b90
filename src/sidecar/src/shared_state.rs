//! The latest session, token and error: shared by the refresher with the local server, the metrics and the startup
//! timeout.

use std::time::SystemTime;

use tokio::sync::watch;

use crate::aws::sts::Session;
use crate::error::{Error, Failure};
use crate::status_file::NO_RESPONSE_YET;
use crate::subject_token::SubjectToken;

/// The latest session, token and error.
#[derive(Debug, Clone, Default)]
pub struct SharedState {
    /// The AWS session.
    pub session: Option<Session>,
    /// The subject token.
    pub token: Option<SignedToken>,
    /// The current error.
    pub error: Option<Error>,
}

/// A subject token and its times, by the corrected clock.
#[derive(Debug, Clone)]
pub struct SignedToken {
    /// The token.
    pub token: SubjectToken,
    /// The time at which it was signed.
    pub signed_at: SystemTime,
    /// The time until which it is valid.
    pub valid_until: SystemTime,
}

/// The refresher's end of the channel.
pub type Writer = watch::Sender<SharedState>;
/// The readers' end of the channel.
pub type Reader = watch::Receiver<SharedState>;

impl SharedState {
    /// Creates a channel with an empty state.
    #[must_use]
    pub fn channel() -> (Writer, Reader) {
        watch::channel(Self::default())
    }

    /// Returns the session, if it is valid at `now`.
    #[must_use]
    pub fn session_at(&self, now: SystemTime) -> Option<&Session> {
        self.session.as_ref().filter(|session| now < session.lifetime.expires)
    }

    /// Returns the token, if it is valid at `now`.
    #[must_use]
    pub fn token_at(&self, now: SystemTime) -> Option<&SubjectToken> {
        self.token.as_ref().filter(|signed| now < signed.valid_until).map(|signed| &signed.token)
    }

    /// Returns the reason why there is no session or token.
    #[must_use]
    pub fn unavailable_reason(&self) -> Failure {
        self.error.as_ref().map_or_else(|| Failure::new(NO_RESPONSE_YET), Failure::from)
    }
}
