//! The loop: renew, sign, publish, sleep. It never ends by a fault; the last token stays.

use std::{convert::Infallible, sync::Arc, time::Duration};

use crate::{
    board::{Signed, Writer},
    clock::Clock,
    credentials::{AssumeRole, Session},
    fault::{Fault, Reason},
    metrics::Metrics,
    publish::Publisher,
    schedule::{Schedule, Step, good_until},
    sign::{SubjectToken, sign},
    state::{Said, State, unix_seconds},
};

/// What the token is signed for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The provider's audience.
    pub audience: String,
    /// The region of AWS STS.
    pub region: String,
}

/// Keeps a token fresh.
#[derive(Debug)]
pub struct Refresher<A> {
    aws: A,
    target: Target,
    clock: Clock,
    publisher: Publisher,
    board: Writer,
    metrics: Arc<Metrics>,
    schedule: Schedule,
    state: State,
}

impl<A: AssumeRole> Refresher<A> {
    /// Starts from what an earlier process published: a token that is still good stays until there is a new one.
    pub fn new(
        aws: A,
        target: Target,
        clock: Clock,
        publisher: Publisher,
        board: Writer,
        metrics: Arc<Metrics>,
    ) -> Self {
        let earlier =
            publisher.state().filter(|state| publisher.has_token() && state.is_good_at(clock.local()));
        let state = State { good_until: earlier.and_then(|state| state.good_until), fault: None };
        Self { aws, target, clock, publisher, board, metrics, schedule: Schedule::default(), state }
    }

    /// Whether a token of an earlier process is good for use.
    #[must_use]
    pub fn has_earlier_token(&self) -> bool {
        self.state.good_until.is_some()
    }

    /// Refreshes for ever.
    pub async fn run(mut self) -> Infallible {
        loop {
            match self.schedule.next(self.clock.now()) {
                Step::Renew => self.renew().await,
                Step::Sign => self.sign(),
                Step::Sleep(duration) => tokio::time::sleep(duration).await,
            }
        }
    }

    async fn renew(&mut self) {
        match self.aws.assume_role().await {
            Ok(session) => self.renewed(session),
            Err(fault) => {
                let wait =
                    self.schedule.renewal_failed(self.clock.now(), fault.is_lasting(), fastrand::f64());
                self.failed(&fault, wait);
            }
        }
    }

    fn renewed(&mut self, session: Session) {
        let left = session.life.expires.duration_since(session.life.obtained).unwrap_or_default();
        tracing::info!(expires_in_seconds = left.as_secs(), "AWS STS gave a session");
        self.metrics.renewed();
        self.schedule.renewed(session.life, fastrand::f64());
        self.board.send_modify(|board| board.session = Some(session));
    }

    /// The loopback server has what it needs before the file says that all is served.
    fn sign(&mut self) {
        let now = self.clock.now();
        let published = self.signed().and_then(|signed| {
            let token = signed.token.clone();
            self.board.send_modify(|board| board.token = Some(signed));
            self.publish(&token)
        });
        match published {
            Ok(()) => {
                self.metrics.signed();
                self.schedule.published(now);
            }
            Err(fault) => {
                let wait = self.schedule.publishing_failed(now, fault.is_lasting(), fastrand::f64());
                self.failed(&fault, wait);
            }
        }
    }

    fn signed(&self) -> Result<Signed, Fault> {
        let at = self.clock.now();
        let board = self.board.borrow();
        let session = board.session_at(at).ok_or_else(|| Fault::new(Reason::Unsigned, "no session"))?;
        let token = sign(&session.credentials, &self.target.audience, &self.target.region, at);
        let token = token.map_err(|error| Fault::new(Reason::Unsigned, error.to_string()))?;
        Ok(Signed { token, at, good_until: good_until(at, session.life.expires) })
    }

    fn publish(&mut self, token: &SubjectToken) -> Result<(), Fault> {
        self.publisher.publish_token(token).map_err(|error| self.unwritten(&error))?;
        let first = self.board.borrow().fault.is_some() || self.state.good_until.is_none();
        if self.schedule.is_renewing_well() {
            self.board.send_modify(|board| board.fault = None);
            self.state.fault = None;
        }
        let good_until = self.board.borrow().token.as_ref().map(|signed| signed.good_until);
        self.state.good_until = good_until.map(|until| unix_seconds(self.clock.to_local(until)));
        self.publisher.publish_state(&self.state).map_err(|error| self.unwritten(&error))?;
        if first {
            tracing::info!(file = %self.publisher.token_file().display(), "a token is published");
        }
        Ok(())
    }

    fn unwritten(&self, error: &std::io::Error) -> Fault {
        Fault::new(Reason::Unwritten, format!("{}: {error}", self.publisher.token_file().display()))
    }

    fn failed(&mut self, fault: &Fault, wait: Duration) {
        let (reason, retry_in_seconds) = (fault.reason().code(), wait.as_secs_f32());
        if fault.is_lasting() {
            tracing::error!(reason, retry_in_seconds, "{fault}");
        } else {
            tracing::warn!(reason, retry_in_seconds, "{fault}");
        }
        self.metrics.failed(fault);
        self.state.fault = Some(Said::from(fault));
        self.board.send_modify(|board| board.fault = Some(fault.clone()));
        if let Err(error) = self.publisher.publish_state(&self.state) {
            tracing::warn!("{}", self.unwritten(&error));
        }
    }
}
