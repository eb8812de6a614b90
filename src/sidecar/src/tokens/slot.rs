//! What is known of one token, and what follows for whoever asks: pure, with the time as an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::{Kind, Served, Unavailable};
use crate::{fault::Fault, google::Token, secret::Secret};

/// A token with less left than this may end before it has done its work.
const LEAST_LEFT: Duration = Duration::from_secs(10);
/// An access token with less left than this is renewed before it is given out, if that works soon. Google's libraries
/// ask again when theirs has up to five minutes left.
const FRESH_LEFT: Duration = Duration::from_mins(5);
/// An ID token is given out for so long. Go's library believes that it lives for an hour from then on, less as much.
const FRESH_ID: Duration = Duration::from_secs(10);
/// How long somebody waits for a better token while there is a good one.
const GOOD_PATIENCE: Duration = Duration::from_secs(1);
/// How long an app waits for a first token: a little less than the three seconds that Python's and Node's libraries wait
/// for an answer, so that the app's log shows ours.
const PATIENCE: Duration = Duration::from_millis(2500);

/// A token and its times.
#[derive(Debug, Clone)]
pub(super) struct Held {
    secret: Secret,
    expires: Instant,
    fresh_until: Instant,
    /// When its task looks whether to renew it.
    pub(super) renew: Instant,
}

impl Held {
    /// `jitter` (0 to 1) parts pods that started together.
    pub(super) fn new(token: Token, kind: &Kind, now: Instant, jitter: f64) -> Self {
        let Token { secret, lives } = token;
        let expires = now + lives;
        if kind.is_renewed_ahead() {
            let renew = now + lives.mul_f64(0.6 + 0.1 * jitter.clamp(0.0, 1.0));
            Self { secret, expires, fresh_until: expires - FRESH_LEFT.min(lives / 4), renew }
        } else {
            let fresh_until = now + FRESH_ID.min(lives / 4);
            Self { secret, expires, fresh_until, renew: fresh_until }
        }
    }

    fn is_good(&self, now: Instant) -> bool {
        now + LEAST_LEFT < self.expires
    }

    fn served(&self, now: Instant) -> Served {
        Served { secret: self.secret.clone(), lives: self.expires - now }
    }
}

/// What its task does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing, until it is time or somebody asks.
    #[default]
    Rests,
    /// It has asked Google at that time.
    Asks(Instant),
    /// It waits before it asks again.
    BacksOff,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asker {
    /// An app, since that time.
    App(Instant),
    /// The making of another token.
    Inner,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Give(Served),
    Refuse(Unavailable),
    /// Until something changes, or that time.
    Wait(Instant),
}

/// What is known of a token.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) held: Option<Held>,
    /// What went wrong the last time, if it did.
    pub(super) fault: Option<Fault>,
    pub(super) work: Work,
}

impl Slot {
    /// The token, if it is good at `now`.
    pub(super) fn good(&self, now: Instant) -> Option<Served> {
        self.held.as_ref().filter(|held| held.is_good(now)).map(|held| held.served(now))
    }

    /// Drops the token, if it is this one. Answers whether it was.
    pub(super) fn spoil(&mut self, secret: &Secret) -> bool {
        self.held.take_if(|held| held.secret == *secret).is_some()
    }

    pub(super) fn answer(&self, now: Instant, asker: Asker) -> Answer {
        match self.held.as_ref().filter(|held| held.is_good(now)) {
            Some(held) if now < held.fresh_until => Answer::Give(held.served(now)),
            Some(held) => match self.better_by(now, asker).filter(|by| now < *by) {
                Some(by) => Answer::Wait(by),
                None => Answer::Give(held.served(now)),
            },
            None => self.without(now, asker),
        }
    }

    /// Until when a better token than the good one is waited for. Once the first has waited in vain, no one else does.
    fn better_by(&self, now: Instant, asker: Asker) -> Option<Instant> {
        let since = match (self.work, asker) {
            (Work::BacksOff, _) => return None,
            (Work::Asks(since), _) | (Work::Rests, Asker::App(since)) => since,
            (Work::Rests, Asker::Inner) => now,
        };
        Some(since + GOOD_PATIENCE)
    }

    fn without(&self, now: Instant, asker: Asker) -> Answer {
        let why = || self.fault.clone().map_or(Unavailable::NotYet, Unavailable::Fault);
        let failed = self.fault.as_ref().filter(|_| self.work == Work::BacksOff);
        match asker {
            Asker::Inner if failed.is_some() => Answer::Refuse(why()),
            Asker::Inner => Answer::Wait(now + Duration::from_mins(1)),
            Asker::App(_) if failed.is_some_and(Fault::is_lasting) => Answer::Refuse(why()),
            Asker::App(since) if now < since + PATIENCE => Answer::Wait(since + PATIENCE),
            Asker::App(_) => Answer::Refuse(why()),
        }
    }
}
