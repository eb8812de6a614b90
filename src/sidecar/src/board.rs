//! What the refresher has, for those who answer for it: the loopback server, the metrics and the startup timeout.

use std::time::SystemTime;

use tokio::sync::watch;

use crate::credentials::Session;
use crate::fault::Fault;
use crate::subject_token::SubjectToken;

/// The latest of everything.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// The AWS session.
    pub session: Option<Session>,
    /// The subject token.
    pub token: Option<Signed>,
    /// What is wrong now.
    pub fault: Option<Fault>,
}

/// A subject token and its life, by the corrected clock.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The token.
    pub token: SubjectToken,
    /// When it was signed.
    pub at: SystemTime,
    /// Until when it is good for use.
    pub good_until: SystemTime,
}

/// For the one who writes it.
pub type Writer = watch::Sender<Board>;
/// For those who read it.
pub type Reader = watch::Receiver<Board>;

impl Board {
    /// An empty one.
    #[must_use]
    pub fn channel() -> (Writer, Reader) {
        watch::channel(Self::default())
    }

    /// The session, if it can be used at `now`.
    #[must_use]
    pub fn session_at(&self, now: SystemTime) -> Option<&Session> {
        self.session.as_ref().filter(|session| now < session.life.expires)
    }

    /// The token, if it can be used at `now`.
    #[must_use]
    pub fn token_at(&self, now: SystemTime) -> Option<&SubjectToken> {
        self.token.as_ref().filter(|signed| now < signed.good_until).map(|signed| &signed.token)
    }

    /// Why there is nothing to give out.
    #[must_use]
    pub fn reason(&self) -> String {
        self.fault.as_ref().map_or_else(|| crate::state::NOT_YET.to_owned(), ToString::to_string)
    }
}
