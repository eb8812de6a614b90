//! The task of one token: ask Google, give it to whoever waits, sleep, and ask again ahead of need or on demand.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::slot::{FIRST_EARLIEST, Held, Work};
use super::{Entry, Inner, Kind, Tokens};
use crate::fault::{Fault, Reason};
use crate::google::{Mint, Token};
use crate::metrics::Faulty;
use crate::schedule::{EARLIEST, backoff};
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;

/// How long what went wrong with a token counts as the pod's fault while nobody asks for the token any more.
const FORGOTTEN: Duration = Duration::from_mins(10);

pub(super) async fn keep<M: Mint>(tokens: Tokens<M>, kind: Kind, entry: Arc<Entry>) {
    let (mut failures, mut earliest) = (0, FIRST_EARLIEST);
    let mut faulty = None;
    loop {
        entry.slot.send_modify(|slot| slot.work = Work::Asks(Instant::now()));
        match tokens.make(&kind).await {
            Ok(token) => {
                (failures, faulty) = (0, None);
                let renew = made(&tokens, &kind, &entry, token, earliest);
                earliest = EARLIEST;
                tokio::select! {
                    () = needed(&entry, renew) => {}
                    () = entry.spoiled.notified() => {}
                }
            }
            Err(failure) => {
                faulty.get_or_insert_with(|| tokens.0.metrics.faulty());
                match failure {
                    Failure::Own(fault) => {
                        failures += 1;
                        let wait = backoff(failures, fault.is_lasting(), fastrand::f64());
                        fault.log(Some(kind.class().name()), wait);
                        tokens.0.metrics.not_made(kind.class(), &fault);
                        back_off(&kind, &entry, fault, sleep(wait), &mut faulty).await;
                    }
                    Failure::OfFederated(fault) => {
                        back_off(&kind, &entry, fault, tokens.federated_backs_off(), &mut faulty).await;
                    }
                }
            }
        }
    }
}

fn made<M: Mint>(tokens: &Tokens<M>, kind: &Kind, entry: &Entry, token: Token, earliest: f64) -> Instant {
    let expires_in_seconds = token.lives.as_secs();
    tracing::info!(token = kind.class().name(), expires_in_seconds, "Google gave a token");
    tokens.0.metrics.made(kind.class());
    let held = Held::new(token, kind, Instant::now(), earliest, fastrand::f64());
    let renew = held.renew;
    if !kind.is_renewed_ahead() {
        forget_who_asked(entry);
    }
    entry.slot.send_modify(|slot| {
        slot.held = Some(held);
        slot.fault = None;
        slot.work = Work::Rests;
    });
    renew
}

async fn needed(entry: &Entry, renew: Instant) {
    sleep_until(renew).await;
    entry.asked.notified().await;
}

/// Those who asked are answered by what has just come.
fn forget_who_asked(entry: &Entry) {
    let mut asked = std::pin::pin!(entry.asked.notified());
    asked.as_mut().enable();
}

/// Waits for `wait`, then until somebody asks: for a token that is to be renewed ahead, the good one at hand says that
/// somebody did.
async fn back_off(
    kind: &Kind,
    entry: &Entry,
    fault: Fault,
    wait: impl Future<Output = ()>,
    faulty: &mut Option<Faulty>,
) {
    entry.slot.send_modify(|slot| {
        slot.fault = Some(fault);
        slot.work = Work::BacksOff;
    });
    wait.await;
    entry.slot.send_modify(|slot| slot.work = Work::Rests);
    let is_good = entry.slot.borrow().good(Instant::now()).is_some();
    if kind.is_renewed_ahead() && is_good {
        return;
    }
    if timeout(FORGOTTEN, entry.asked.notified()).await.is_err() {
        *faulty = None;
        entry.asked.notified().await;
    }
}

/// Why a token could not be made.
enum Failure {
    /// The call for it failed.
    Own(Fault),
    /// There is no federated token to make it with, which has said so and waits already.
    OfFederated(Fault),
}

impl<M: Mint> Tokens<M> {
    async fn make(&self, kind: &Kind) -> Result<Token, Failure> {
        let Inner { mint, impersonates, .. } = &*self.0;
        match kind {
            Kind::Federated => self.exchange(&Scopes::cloud_platform()).await,
            Kind::Access(scopes) if !impersonates => self.exchange(scopes).await,
            Kind::Access(scopes) => {
                let federated = self.federated().await?;
                self.heed(&federated, mint.access_token(&federated, scopes).await)
            }
            Kind::Id { audience, with_email } => {
                let federated = self.federated().await?;
                self.heed(&federated, mint.id_token(&federated, audience, *with_email).await)
            }
        }
    }

    async fn exchange(&self, scopes: &Scopes) -> Result<Token, Failure> {
        let subject = self.subject().await.map_err(Failure::Own)?;
        self.0.mint.exchange(&subject, scopes).await.map_err(Failure::Own)
    }

    /// A federated token that is not taken is not tried again.
    fn heed(&self, federated: &Secret, made: Result<Token, Fault>) -> Result<Token, Failure> {
        if made.as_ref().is_err_and(|fault| fault.reason() == Reason::FederatedRejected) {
            self.spoil_federated(federated);
        }
        made.map_err(Failure::Own)
    }

    async fn federated(&self) -> Result<Secret, Failure> {
        let served = self.inner_token(&Kind::Federated).await.map_err(Failure::OfFederated)?;
        Ok(served.secret)
    }

    /// Ends when the federated token's task may ask again.
    async fn federated_backs_off(&self) {
        let mut slot = self.entry(&Kind::Federated).slot.subscribe();
        // It lives as long as the entry, and an entry that is gone waits no more.
        let _ = slot.wait_for(|slot| slot.work != Work::BacksOff).await;
    }

    /// The subject token, as soon as there is one or it is known why not.
    async fn subject(&self) -> Result<SubjectToken, Fault> {
        let mut board = self.0.board.clone();
        loop {
            {
                let seen = board.borrow_and_update();
                if let Some(token) = seen.token_at(self.0.clock.now()) {
                    return Ok(token.clone());
                }
                if let Some(fault) = &seen.fault {
                    return Err(fault.clone());
                }
            }
            if board.changed().await.is_err() {
                return Err(Fault::new(Reason::Unsigned, "nobody signs any more"));
            }
        }
    }
}
