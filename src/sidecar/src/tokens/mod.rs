//! Google's tokens, each kept and renewed by a task of its own: so one request is in flight for each, whoever asks and
//! however many, and an app that asks in time is answered at once.
//!
//! An access token is renewed ahead of need as long as somebody asked for the one before; an ID token when it is asked
//! for. Whoever asks while there is none waits for it; a good one is given out until its end, whatever goes wrong.

mod keep;
mod slot;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use self::slot::{Answer, Slot, Work};
use crate::board::Reader;
use crate::clock::Clock;
use crate::fault::Fault;
use crate::google::Mint;
use crate::metrics::{Metrics, TokenClass};
use crate::scopes::Scopes;
use crate::secret::Secret;

/// Tokens that are kept at once. Of those that nobody waits for, the one that was asked for the longest ago gives way to a
/// further one.
const MOST: usize = 64;

/// Which token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An access token: the service account's if there is one, else the federated one.
    Access(Scopes),
    /// The federated token behind a service account's.
    Federated,
    /// The service account's ID token.
    Id {
        /// For whom.
        audience: String,
        /// Whether it says the service account's email.
        with_email: bool,
    },
}

impl Kind {
    /// An access token for what Google's libraries ask for by themselves.
    #[must_use]
    pub fn default_access() -> Self {
        Self::Access(Scopes::cloud_platform())
    }

    /// Whether it is renewed before anybody asks again.
    #[must_use]
    pub const fn is_renewed_ahead(&self) -> bool {
        !matches!(self, Self::Id { .. })
    }

    /// As metrics and logs name it.
    const fn class(&self) -> TokenClass {
        match self {
            Self::Access(_) => TokenClass::Access,
            Self::Federated => TokenClass::Federated,
            Self::Id { .. } => TokenClass::Id,
        }
    }
}

/// A token that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The token.
    pub secret: Secret,
    /// How long it lives from now on.
    pub lives: Duration,
}

/// Why no token was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// Something stands in the way.
    Fault(Fault),
    /// Nobody has answered yet.
    NotYet,
}

/// All tokens. Clones share them.
#[derive(Debug)]
pub struct Tokens<M>(Arc<Inner<M>>);

impl<M> Clone for Tokens<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Inner<M> {
    mint: M,
    impersonates: bool,
    board: Reader,
    clock: Clock,
    metrics: Arc<Metrics>,
    kept: Mutex<HashMap<Kind, Kept>>,
}

/// A token and the task that keeps it.
#[derive(Debug)]
struct Kept {
    entry: Arc<Entry>,
    asked: Instant,
    task: AbortHandle,
}

impl Kept {
    /// Whether nobody has the entry but this and its task.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.entry) <= 2
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, Default)]
struct Entry {
    slot: watch::Sender<Slot>,
    /// Holds one permit: that somebody asked.
    asked: Notify,
    /// Holds one permit: that the token is not taken any more.
    spoiled: Notify,
}

impl<M: Mint> Tokens<M> {
    /// Tokens from `mint`, for the subject token on `board`.
    pub fn new(mint: M, impersonates: bool, board: Reader, clock: Clock, metrics: Arc<Metrics>) -> Self {
        let kept = Mutex::new(HashMap::new());
        Self(Arc::new(Inner { mint, impersonates, board, clock, metrics, kept }))
    }

    /// The token for an app, which has timeouts of its own.
    ///
    /// # Errors
    /// Why there is none. While it may come soon, the app is let wait a little.
    pub async fn token(&self, kind: &Kind) -> Result<Served, Unavailable> {
        let since = Instant::now();
        self.ask(kind, |slot, now| slot.for_app(now, since)).await
    }

    /// The token for the making of another, which waits as long as it takes to get it or to fail.
    async fn inner_token(&self, kind: &Kind) -> Result<Served, Fault> {
        self.ask(kind, Slot::for_inner).await
    }

    async fn ask<W>(&self, kind: &Kind, answer: impl Fn(&Slot, Instant) -> Answer<W>) -> Result<Served, W> {
        let entry = self.entry(kind);
        let mut slot = entry.slot.subscribe();
        loop {
            let answer = answer(&slot.borrow_and_update(), Instant::now());
            if kind.is_renewed_ahead() || matches!(answer, Answer::Wait(_)) {
                entry.asked.notify_one();
            }
            let until = match answer {
                Answer::Give(served) => return Ok(served),
                Answer::Refuse(why) => return Err(why),
                Answer::Wait(until) => until,
            };
            // The sender lives as long as the entry.
            let _ = timeout_at(until, slot.changed()).await;
        }
    }

    /// Waits for a good token that `is_new`, as long as that takes. What goes wrong meanwhile is said to `failed`.
    pub async fn another(
        &self,
        kind: &Kind,
        is_new: impl Fn(&Secret) -> bool,
        failed: impl Fn(&Fault),
    ) -> Served {
        let entry = self.entry(kind);
        let mut slot = entry.slot.subscribe();
        loop {
            {
                let seen = slot.borrow_and_update();
                match seen.good(Instant::now()) {
                    Some(served) if is_new(&served.secret) => return served,
                    _ => seen.fault.iter().for_each(&failed),
                }
            }
            entry.asked.notify_one();
            // The sender lives as long as the entry.
            let _ = slot.changed().await;
        }
    }

    fn entry(&self, kind: &Kind) -> Arc<Entry> {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = kept.get_mut(kind) {
            one.asked = Instant::now();
            return Arc::clone(&one.entry);
        }
        if kept.len() >= MOST {
            let idle = kept.iter().filter(|(_, one)| one.is_idle());
            let oldest = idle.min_by_key(|(_, one)| one.asked).map(|(kind, _)| kind.clone());
            oldest.and_then(|kind| kept.remove(&kind));
        }
        let entry = Arc::new(Entry::default());
        let task = tokio::spawn(keep::keep(self.clone(), kind.clone(), Arc::clone(&entry))).abort_handle();
        let one = Kept { entry: Arc::clone(&entry), asked: Instant::now(), task };
        kept.insert(kind.clone(), one);
        entry
    }

    /// Has a federated token replaced that Google does not take any more.
    fn spoil_federated(&self, secret: &Secret) {
        let entry = self.entry(&Kind::Federated);
        let rests = |slot: &mut Slot| slot.spoil(secret) && slot.work == Work::Rests;
        if entry.slot.send_if_modified(rests) {
            entry.spoiled.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
