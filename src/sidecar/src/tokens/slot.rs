//! What is known of one token, and what follows for whoever asks: pure, with the time as an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::{Kind, Served, Unavailable};
use crate::fault::Fault;
use crate::google::Token;
use crate::schedule::renewal_share;
use crate::secret::Secret;

/// A token with less left than this may end before it has done its work.
const LEAST_LEFT: Duration = Duration::from_secs(10);
/// An access token with less left than this is renewed before it is given out, if that works soon. Google's libraries
/// ask again when theirs has up to five minutes left.
const FRESH_LEFT: Duration = Duration::from_mins(5);
/// An ID token is given out for so long. Go's library believes that it lives for an hour from then on, less as much.
const FRESH_ID: Duration = Duration::from_secs(10);
/// How long somebody waits for a better token while there is a good one.
const GOOD_PATIENCE: Duration = Duration::from_secs(1);
/// The share of the first token's life after which it is renewed at the earliest, so that pods that started together
/// part. One that is renewed sooner would be half over when the app comes back shortly before the end of its own.
pub(super) const FIRST_EARLIEST: f64 = 0.3;
/// Google's live for 12 hours at most. Whoever says more than this is asked again by then.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
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
    /// It is renewed at a share of its life, from `earliest` on by `jitter` (0 to 1).
    pub(super) fn new(token: Token, kind: &Kind, now: Instant, earliest: f64, jitter: f64) -> Self {
        let Token { secret, lives } = token;
        let lives = lives.min(LONGEST_LIFE);
        let expires = now + lives;
        if kind.is_renewed_ahead() {
            let renew = now + lives.mul_f64(renewal_share(earliest, jitter));
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

/// What follows, or why nothing does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<W> {
    Give(Served),
    Refuse(W),
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

    /// For an app that asks since then, and has timeouts of its own.
    pub(super) fn for_app(&self, now: Instant, since: Instant) -> Answer<Unavailable> {
        self.with(now, since).unwrap_or_else(|| match &self.fault {
            Some(fault) if self.work == Work::BacksOff && fault.is_lasting() => {
                Answer::Refuse(Unavailable::Fault(fault.clone()))
            }
            _ if now < since + PATIENCE => Answer::Wait(since + PATIENCE),
            Some(fault) => Answer::Refuse(Unavailable::Fault(fault.clone())),
            None => Answer::Refuse(Unavailable::NotYet),
        })
    }

    /// For the making of another token, which waits until this one is there or has failed.
    pub(super) fn for_inner(&self, now: Instant) -> Answer<Fault> {
        self.with(now, now).unwrap_or_else(|| match &self.fault {
            Some(fault) if self.work == Work::BacksOff => Answer::Refuse(fault.clone()),
            _ => Answer::Wait(now + Duration::from_mins(1)),
        })
    }

    /// What follows from a good token; `None`: there is none.
    fn with<W>(&self, now: Instant, since: Instant) -> Option<Answer<W>> {
        let held = self.held.as_ref().filter(|held| held.is_good(now))?;
        let better_by = self.better_by(since).filter(|by| now >= held.fresh_until && now < *by);
        Some(better_by.map_or_else(|| Answer::Give(held.served(now)), Answer::Wait))
    }

    /// Until when a better token than the good one is waited for. Once the first has waited in vain, no one else does.
    fn better_by(&self, asked: Instant) -> Option<Instant> {
        match self.work {
            Work::BacksOff => None,
            Work::Asks(since) => Some(since + GOOD_PATIENCE),
            Work::Rests => Some(asked + GOOD_PATIENCE),
        }
    }
}
