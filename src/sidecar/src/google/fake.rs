//! A fake Google for tests: it responds as a script says and records the calls.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::{Token, TokenProvider};
use crate::clock::Clock;
use crate::error::Error;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::shared_state::{Reader, SharedState, SignedToken, Writer};
use crate::subject_token::SubjectToken;

/// The method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Exchange,
    Access,
    Id,
}

/// A token's lifetime or an error.
type CallResult = Result<Duration, Error>;

/// A provider with a script, which decides by the method of the call and the time since the start.
pub(crate) struct FakeGoogle {
    script: Box<dyn Fn(Call, Duration) -> CallResult + Send + Sync>,
    latency: Duration,
    start: Instant,
    pub(crate) calls: Arc<Mutex<Vec<(Call, Duration, String)>>>,
}

impl std::fmt::Debug for FakeGoogle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeGoogle")
    }
}

impl FakeGoogle {
    pub(crate) fn new(script: impl Fn(Call, Duration) -> CallResult + Send + Sync + 'static) -> Self {
        let latency = Duration::from_millis(80);
        Self { script: Box::new(script), latency, start: Instant::now(), calls: Arc::default() }
    }

    /// Issues only tokens that are valid for an hour.
    pub(crate) fn healthy() -> Self {
        Self::new(|_, _| Ok(Duration::from_hours(1)))
    }

    /// Sets the duration of each call.
    pub(crate) fn with_latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    async fn respond(&self, call: Call, arguments: String) -> Result<Token, Error> {
        let elapsed = self.start.elapsed();
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((call, elapsed, arguments));
            calls.len()
        };
        sleep(self.latency).await;
        let expires_in = (self.script)(call, elapsed)?;
        Ok(Token { secret: Secret::new(format!("{call:?}-{number}")), expires_in })
    }
}

impl TokenProvider for FakeGoogle {
    async fn exchange(&self, _: &SubjectToken, scopes: &Scopes) -> Result<Token, Error> {
        self.respond(Call::Exchange, scopes.to_string()).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Error> {
        self.respond(Call::Access, format!("{} {scopes}", federated.expose())).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str) -> Result<Token, Error> {
        self.respond(Call::Id, format!("{} {audience}", federated.expose())).await
    }
}

/// Returns a clock that paused time drives.
pub(crate) fn clock() -> Clock {
    let start = Instant::now();
    Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_hours(492_336) + start.elapsed())
}

/// Publishes a subject token that does not expire during a test.
pub(crate) fn publish_subject_token(writer: &Writer) {
    let (token, signed_at) = (SubjectToken::new("subject"), SystemTime::UNIX_EPOCH);
    let valid_until = signed_at + Duration::from_hours(1_000_000);
    writer.send_modify(|state| state.token = Some(SignedToken { token, signed_at, valid_until }));
}

/// Returns a channel with a subject token in its state.
pub(crate) fn shared_state() -> (Writer, Reader) {
    let (writer, reader) = SharedState::channel();
    publish_subject_token(&writer);
    (writer, reader)
}
