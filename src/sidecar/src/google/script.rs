//! A Google by a script, for tests: what it says to a call at a time, and what it was asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

use super::{Mint, Token};
use crate::board::{Board, Reader, Signed, Writer};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;

/// What it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Exchange,
    Access,
    Id,
}

type Answer = Result<Duration, Fault>;

/// A token's life or a fault, by the call and the time since the start.
pub(crate) struct Script {
    answer: Box<dyn Fn(Call, Duration) -> Answer + Send + Sync>,
    takes: Duration,
    start: Instant,
    pub(crate) calls: Arc<Mutex<Vec<(Call, Duration, String)>>>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl Script {
    pub(crate) fn new(answer: impl Fn(Call, Duration) -> Answer + Send + Sync + 'static) -> Self {
        let takes = Duration::from_millis(80);
        Self { answer: Box::new(answer), takes, start: Instant::now(), calls: Arc::default() }
    }

    /// Every token lives for an hour.
    pub(crate) fn good() -> Self {
        Self::new(|_, _| Ok(Duration::from_hours(1)))
    }

    /// The same, but each call takes so long.
    pub(crate) fn taking(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    async fn ask(&self, call: Call, what: String) -> Result<Token, Fault> {
        let since = self.start.elapsed();
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((call, since, what));
            calls.len()
        };
        sleep(self.takes).await;
        let lives = (self.answer)(call, since)?;
        Ok(Token { secret: Secret::new(format!("{call:?}-{number}")), lives })
    }
}

impl Mint for Script {
    async fn exchange(&self, _: &SubjectToken, scopes: &Scopes) -> Result<Token, Fault> {
        self.ask(Call::Exchange, scopes.to_string()).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Fault> {
        self.ask(Call::Access, format!("{} {scopes}", federated.expose())).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str, with_email: bool) -> Result<Token, Fault> {
        self.ask(Call::Id, format!("{} {audience} {with_email}", federated.expose())).await
    }
}

/// A clock that paused time drives.
pub(crate) fn clock() -> Clock {
    let start = Instant::now();
    Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_hours(492_336) + start.elapsed())
}

/// Puts a subject token on a board, good for ever.
pub(crate) fn prove_on(board: &Writer) {
    let (token, at) = (SubjectToken::new("subject"), SystemTime::UNIX_EPOCH);
    let good_until = at + Duration::from_hours(1_000_000);
    board.send_modify(|board| board.token = Some(Signed { token, at, good_until }));
}

/// A board with a subject token.
pub(crate) fn board() -> (Writer, Reader) {
    let (writer, reader) = Board::channel();
    prove_on(&writer);
    (writer, reader)
}
