//! The loop: renew, sign, publish, sleep. It never ends by a fault; the last token stays.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::board::{Signed, Writer};
use crate::clock::Clock;
use crate::fault::{Fault, Reason};
use crate::metrics::Metrics;
use crate::proof::{Proof, Prove, Target};
use crate::publish::Publisher;
use crate::schedule::{Schedule, Step, good_until};
use crate::state::{Said, State, unix_seconds};
use crate::subject_token::SubjectToken;

/// Keeps a token fresh.
#[derive(Debug)]
pub struct Refresher<P> {
    prover: P,
    target: Target,
    proof: Option<Proof>,
    clock: Clock,
    publisher: Publisher,
    board: Writer,
    metrics: Arc<Metrics>,
    schedule: Schedule,
    /// What the last renewal met.
    unrenewed: Option<Fault>,
    state: State,
}

impl<P: Prove> Refresher<P> {
    /// Starts from what an earlier process published: a token that is still good stays until there is a new one.
    pub fn new(
        prover: P,
        target: Target,
        clock: Clock,
        publisher: Publisher,
        board: Writer,
        metrics: Arc<Metrics>,
    ) -> Self {
        let earlier =
            publisher.state().filter(|state| publisher.has_token() && state.is_good_at(clock.local()));
        let state = State { good_until: earlier.and_then(|state| state.good_until), fault: None };
        let (proof, schedule, unrenewed) = (None, Schedule::default(), None);
        Self { prover, target, proof, clock, publisher, board, metrics, schedule, unrenewed, state }
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
        match self.prover.prove().await {
            Ok(proof) => self.renewed(proof),
            Err(fault) => {
                let wait =
                    self.schedule.renewal_failed(self.clock.now(), fault.is_lasting(), fastrand::f64());
                self.failed(&fault, wait);
                self.unrenewed = Some(fault);
            }
        }
    }

    fn renewed(&mut self, proof: Proof) {
        let life = proof.life();
        let (what, session) = match &proof {
            Proof::Session(session) => ("session", Some(session.clone())),
            Proof::Token(..) => ("JSON web token", None),
        };
        let left = life.expires.duration_since(life.obtained).unwrap_or_default();
        tracing::info!(expires_in_seconds = left.as_secs(), "there is a new {what}");
        self.metrics.renewed();
        self.schedule.renewed(life, session.is_some(), fastrand::f64());
        self.unrenewed = None;
        self.board.send_modify(|board| board.session = session);
        self.proof = Some(proof);
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
        let proof = self.proof.as_ref().filter(|proof| at < proof.life().expires);
        let proof = proof.ok_or_else(|| Fault::new(Reason::Unsigned, "nothing to sign with"))?;
        let token = proof.subject_token(&self.target, at);
        let token = token.map_err(|error| Fault::new(Reason::Unsigned, error.to_string()))?;
        let good_until = match proof {
            Proof::Session(session) => good_until(at, session.life.expires),
            Proof::Token(_, life) => life.expires,
        };
        Ok(Signed { token, at, good_until })
    }

    fn publish(&mut self, token: &SubjectToken) -> Result<(), Fault> {
        self.publisher.publish_token(token).map_err(|error| self.unwritten(&error))?;
        // What stood in the way of publishing is over; what stands in the way of renewing may not be.
        let is_news = self.board.borrow().fault != self.unrenewed || self.state.good_until.is_none();
        self.board.send_modify(|board| board.fault.clone_from(&self.unrenewed));
        self.state.fault = self.unrenewed.as_ref().map(Said::from);
        let good_until = self.board.borrow().token.as_ref().map(|signed| signed.good_until);
        self.state.good_until = good_until.map(|until| unix_seconds(self.clock.to_local(until)));
        self.publisher.publish_state(&self.state).map_err(|error| self.unwritten(&error))?;
        if is_news {
            tracing::info!(file = %self.publisher.token_file().display(), "a token is published");
        }
        Ok(())
    }

    fn unwritten(&self, error: &std::io::Error) -> Fault {
        Fault::new(Reason::Unwritten, format!("{}: {error}", self.publisher.token_file().display()))
    }

    fn failed(&mut self, fault: &Fault, wait: Duration) {
        fault.log(None, wait);
        self.metrics.failed(fault);
        self.state.fault = Some(Said::from(fault));
        self.board.send_modify(|board| board.fault = Some(fault.clone()));
        if let Err(error) = self.publisher.publish_state(&self.state) {
            tracing::warn!("{}", self.unwritten(&error));
        }
    }
}
