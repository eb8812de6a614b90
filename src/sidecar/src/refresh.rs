//! The refresher's loop: renew, sign, publish, sleep. No error ends it, and the last token remains.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::credential::{Credential, FetchCredential, Target};
use crate::error::{Error, ErrorKind};
use crate::metrics::Metrics;
use crate::publish::Publisher;
use crate::schedule::{RESIGN_INTERVAL, Schedule, ScheduledAction, valid_until};
use crate::shared_state::{SignedToken, Writer};
use crate::status_file::{ErrorSummary, Status, unix_seconds};
use crate::subject_token::SubjectToken;

/// Keeps the subject token fresh.
#[derive(Debug)]
pub struct Refresher<S> {
    source: S,
    target: Target,
    credential: Option<Credential>,
    clock: Clock,
    publisher: Publisher,
    state: Writer,
    metrics: Arc<Metrics>,
    schedule: Schedule,
    /// The error of the last renewal, if it failed.
    renewal_error: Option<Error>,
    status: Status,
}

impl<S: FetchCredential> Refresher<S> {
    /// Creates a refresher. A valid token that an earlier process published remains until there is a new one.
    pub fn new(
        source: S,
        target: Target,
        clock: Clock,
        publisher: Publisher,
        state: Writer,
        metrics: Arc<Metrics>,
    ) -> Self {
        let earlier =
            publisher.status().filter(|status| publisher.has_token() && status.is_valid_at(clock.local()));
        let status = Status { valid_until: earlier.and_then(|status| status.valid_until), error: None };
        let (credential, schedule, renewal_error) = (None, Schedule::default(), None);
        Self { source, target, credential, clock, publisher, state, metrics, schedule, renewal_error, status }
    }

    /// Returns true if a token of an earlier process is valid.
    #[must_use]
    pub fn has_earlier_token(&self) -> bool {
        self.status.valid_until.is_some()
    }

    /// Refreshes until the task is dropped.
    pub async fn run(mut self) -> Infallible {
        loop {
            if self.clock.was_set() {
                tracing::info!("the node's clock was set; renewing at once");
                self.schedule.record_clock_set();
            }
            match self.schedule.next_action(self.clock.now()) {
                ScheduledAction::Renew => self.renew().await,
                ScheduledAction::Sign => self.sign_and_publish(),
                // A clock that is set is noticed in that time, and never makes the task oversleep.
                ScheduledAction::Sleep(duration) => tokio::time::sleep(duration.min(RESIGN_INTERVAL)).await,
            }
        }
    }

    async fn renew(&mut self) {
        match self.source.provide().await {
            Ok(credential) => self.set_credential(credential),
            Err(error) => {
                let now = self.clock.now();
                let wait = self.schedule.record_renewal_failure(now, (&error).into(), fastrand::f64());
                self.report(&error, wait);
                self.renewal_error = Some(error);
            }
        }
    }

    fn set_credential(&mut self, credential: Credential) {
        let lifetime = credential.lifetime();
        let (name, session) = match &credential {
            Credential::Session(session) => ("session", Some(session.clone())),
            Credential::Token(..) => ("JSON web token", None),
        };
        // A projected token is read before the kubelet replaces it, and an agent may return its session again.
        let is_new = self.credential.as_ref().is_none_or(|current| !current.is_same(&credential));
        if is_new {
            tracing::info!(expires_in_seconds = lifetime.total().as_secs(), "obtained a new {name}");
            self.metrics.count_renewal();
        }
        if is_new || self.renewal_error.is_some() {
            self.schedule.record_renewal(lifetime, session.is_some(), fastrand::f64());
        } else {
            self.schedule.record_unchanged(lifetime, session.is_some(), fastrand::f64());
        }
        self.renewal_error = None;
        self.state.send_modify(|state| state.session = session);
        self.credential = Some(credential);
    }

    /// Updates the shared state before the file: the local server must serve the token when the file says that it is
    /// ready.
    fn sign_and_publish(&mut self) {
        let now = self.clock.now();
        let result = self.sign().and_then(|signed| {
            let token = signed.token.clone();
            self.state.send_modify(|state| state.token = Some(signed));
            self.publish(&token)
        });
        match result {
            Ok(()) => {
                self.metrics.count_signature();
                self.schedule.record_publication(now);
            }
            Err(error) => {
                let wait = self.schedule.record_publication_failure(now, (&error).into(), fastrand::f64());
                self.report(&error, wait);
            }
        }
    }

    fn sign(&self) -> Result<SignedToken, Error> {
        let signed_at = self.clock.now();
        let valid = |credential: &&Credential| signed_at < credential.lifetime().expires;
        let credential = self.credential.as_ref().filter(valid);
        let credential = credential
            .ok_or_else(|| Error::new(ErrorKind::SigningFailed, "no valid session or token is available"))?;
        let token = credential.subject_token(&self.target, signed_at);
        let token = token.map_err(|error| Error::new(ErrorKind::SigningFailed, error.to_string()))?;
        let valid_until = match credential {
            Credential::Session(session) => valid_until(signed_at, session.lifetime.expires),
            Credential::Token(_, lifetime) => lifetime.expires,
        };
        Ok(SignedToken { token, signed_at, valid_until })
    }

    fn publish(&mut self, token: &SubjectToken) -> Result<(), Error> {
        self.publisher.publish_token(token).map_err(|error| self.write_error(&error))?;
        // Publishing succeeded, but the error of the last renewal remains.
        let is_news = self.state.borrow().error != self.renewal_error || self.status.valid_until.is_none();
        self.state.send_modify(|state| state.error.clone_from(&self.renewal_error));
        self.status.error = self.renewal_error.as_ref().map(ErrorSummary::from);
        let valid_until = self.state.borrow().token.as_ref().map(|signed| signed.valid_until);
        self.status.valid_until = valid_until.map(|until| unix_seconds(self.clock.to_local(until)));
        self.publisher.publish_status(&self.status).map_err(|error| self.write_error(&error))?;
        if is_news {
            tracing::info!(file = %self.publisher.token_file().display(), "subject token published");
        }
        Ok(())
    }

    fn write_error(&self, error: &std::io::Error) -> Error {
        let file = self.publisher.token_file().display();
        Error::new(ErrorKind::WriteFailed, format!("{file}: {error}"))
    }

    /// Logs, counts and publishes an error, which is retried after `wait`.
    fn report(&mut self, error: &Error, wait: Duration) {
        error.log(None, wait);
        self.metrics.count_error(error);
        self.status.error = Some(ErrorSummary::from(error));
        self.state.send_modify(|state| state.error = Some(error.clone()));
        match self.publisher.publish_status(&self.status) {
            // The same volume was just reported.
            Err(_) if error.kind() == ErrorKind::WriteFailed => {}
            Err(error) => {
                let error = self.write_error(&error);
                tracing::warn!(remediation = error.remediation(), "{}", error.message());
            }
            Ok(()) => {}
        }
    }
}
