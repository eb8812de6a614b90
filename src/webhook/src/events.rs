//! Kubernetes events about pods that were denied, skipped or injected with warnings. Disabled by default.
//!
//! A controller retries a denied pod again and again, with every replica of the webhook. So an event is created once,
//! under a name derived from its content, and a rate limit protects the API server. A dry run creates no event.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;
use tracing::debug;

use crate::api_call::{BACKGROUND_TIMEOUT, call_with_timeout};
use crate::background;
use crate::metrics::{EventOutcome, Metrics};
use crate::rate_limit::TokenBucket;

/// Reporting controller of the events.
const CONTROLLER: &str = "rolebridge.io/webhook";
/// Sustained rate of events a second.
const RATE: u32 = 1;
/// Number of events in a burst.
const BURST: u32 = 25;
/// Time for which an event is not repeated. The API server deletes events after an hour.
const REPEAT_AFTER: Duration = Duration::from_mins(30);
/// Time for which a failed event is not repeated. The controller's next attempts repeat it afterwards.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Maximum number of events that are remembered.
const MAX_REMEMBERED: usize = 1000;
/// Maximum number of events that wait for the API server.
const QUEUE_LEN: usize = 50;
/// Maximum length of a note that the API server accepts, in bytes.
const MAX_NOTE_BYTES: usize = 1024;

macro_rules! event_reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $reason:literal, $description:literal;)+) => {
        /// Reason of an event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl EventReason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the event's `reason`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)+
                }
            }

            /// Returns a sentence for the documentation.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$name => $description,)+
                }
            }
        }
    };
}

event_reasons! {
    /// The pod was denied.
    Denied = "InjectionDenied", "A pod was denied; the note is the reason.";
    /// Only the namespace opted the pod in, and the pod passed unchanged.
    Skipped = "InjectionSkipped",
        "A pod that only its namespace opted in passed unchanged; the note says what is missing.";
    /// The pod was injected with a warning that only its controller receives.
    Warning = "InjectionWarning", "A pod was injected with warnings, which are the note.";
}

/// Emitter of events.
#[derive(Debug)]
pub struct Events {
    sender: Sender<QueuedEvent>,
    limiter: Arc<Mutex<EventLimiter>>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// Starts a task that creates events with this client.
    #[must_use]
    pub fn start(client: Client, metrics: Arc<Metrics>) -> Self {
        let (sender, receiver) = channel(QUEUE_LEN);
        let limiter = Arc::new(Mutex::new(EventLimiter::new(Instant::now())));
        background::spawn(
            "events",
            create_events(client, receiver, Arc::clone(&limiter), Arc::clone(&metrics)),
        );
        Self { sender, limiter, metrics }
    }

    /// Queues an event, unless it was emitted recently or exceeds the rate limit. Never blocks.
    pub fn emit(&self, target: &ObjectReference, reason: EventReason, note: &str) {
        let key = key(target, reason, note);
        let admitted = lock(&self.limiter).admit(key, Instant::now());
        let outcome = match admitted {
            Ok(()) if self.sender.try_send((key, event(target, reason, note, key))).is_ok() => return,
            Ok(()) => {
                lock(&self.limiter).forget(key);
                EventOutcome::Limited
            }
            Err(outcome) => outcome,
        };
        self.metrics.record_event(outcome);
    }
}

/// An event and its key.
type QueuedEvent = (u64, Event);

fn lock(limiter: &Mutex<EventLimiter>) -> MutexGuard<'_, EventLimiter> {
    limiter.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn create_events(
    client: Client,
    mut receiver: Receiver<QueuedEvent>,
    limiter: Arc<Mutex<EventLimiter>>,
    metrics: Arc<Metrics>,
) {
    while let Some((key, event)) = receiver.recv().await {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let events = Api::<Event>::namespaced(client.clone(), namespace);
        let created =
            call_with_timeout(BACKGROUND_TIMEOUT, events.create(&PostParams::default(), &event)).await;
        let outcome = match created {
            Ok(_) => EventOutcome::Created,
            // Another replica created it.
            Err(error) if error.is_conflict() => EventOutcome::Repeated,
            Err(error) => {
                debug!(namespace, %error, "failed to create an event");
                EventOutcome::Failed
            }
        };
        let silence = if outcome == EventOutcome::Failed { RETRY_AFTER } else { REPEAT_AFTER };
        lock(&limiter).finish(key, Instant::now() + silence);
        metrics.record_event(outcome);
    }
}

/// Suppresses repeated events and limits the rate of others.
#[derive(Debug)]
struct EventLimiter {
    /// Time until which each event is not repeated; `None` while it waits for the API server.
    silent_until: HashMap<u64, Option<Instant>>,
    bucket: TokenBucket,
}

impl EventLimiter {
    fn new(now: Instant) -> Self {
        Self { silent_until: HashMap::new(), bucket: TokenBucket::new(RATE, BURST, now) }
    }

    fn admit(&mut self, key: u64, now: Instant) -> Result<(), EventOutcome> {
        let is_silent = |until: &Option<Instant>| until.is_none_or(|until| now < until);
        if self.silent_until.get(&key).is_some_and(is_silent) {
            return Err(EventOutcome::Repeated);
        }
        if self.silent_until.len() >= MAX_REMEMBERED {
            self.silent_until.retain(|_, until| is_silent(until));
        }
        if self.silent_until.len() >= MAX_REMEMBERED || self.bucket.try_acquire(now, Duration::ZERO).is_none()
        {
            return Err(EventOutcome::Limited);
        }
        self.silent_until.insert(key, None);
        Ok(())
    }

    /// Records that the API server has responded to an event, or has not.
    fn finish(&mut self, key: u64, silent_until: Instant) {
        self.silent_until.insert(key, Some(silent_until));
    }

    /// Forgets an admitted event that found no room in the queue.
    fn forget(&mut self, key: u64) {
        self.silent_until.remove(&key);
    }
}

/// Returns the event's key. Every replica computes the same key, because the hasher has no random seed.
fn key(target: &ObjectReference, reason: EventReason, note: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&target.namespace, &target.kind, &target.name, &target.uid, reason, note).hash(&mut hasher);
    hasher.finish()
}

fn event(target: &ObjectReference, reason: EventReason, note: &str, key: u64) -> Event {
    let name = target.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{key:016x}")),
            namespace: target.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(reason.as_str().to_owned()),
        action: Some("Admission".to_owned()),
        note: Some(note[..note.floor_char_boundary(MAX_NOTE_BYTES)].to_owned()),
        regarding: Some(target.clone()),
        event_time: Some(MicroTime(Timestamp::now())),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(CONTROLLER.to_owned()),
        ..Event::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica_set(name: &str) -> ObjectReference {
        ObjectReference {
            kind: Some("ReplicaSet".to_owned()),
            namespace: Some("shop".to_owned()),
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        }
    }

    #[test]
    fn limiter_suppresses_repeated_event_until_it_expires() {
        let start = Instant::now();
        let mut limiter = EventLimiter::new(start);
        assert_eq!(limiter.admit(1, start), Ok(()));
        assert_eq!(limiter.admit(1, start + REPEAT_AFTER * 2), Err(EventOutcome::Repeated), "in progress");
        limiter.finish(1, start + REPEAT_AFTER);
        assert_eq!(limiter.admit(1, start + REPEAT_AFTER / 2), Err(EventOutcome::Repeated));
        assert_eq!(limiter.admit(2, start + REPEAT_AFTER / 2), Ok(()));
        assert_eq!(limiter.admit(1, start + REPEAT_AFTER), Ok(()));
        limiter.forget(1);
        assert_eq!(limiter.admit(1, start + REPEAT_AFTER), Ok(()), "it found no room in the queue");
    }

    #[test]
    fn limiter_in_a_storm_admits_a_burst_and_limited_events_later() {
        let start = Instant::now();
        let mut limiter = EventLimiter::new(start);
        let admitted = (0..1000).filter(|key| limiter.admit(*key, start).is_ok()).count();
        assert_eq!(admitted, 25);
        assert_eq!(limiter.admit(999, start), Err(EventOutcome::Limited));
        assert_eq!(limiter.admit(999, start + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn event_name_depends_on_target_reason_and_note() {
        let name = |target: &str, reason, note| {
            let target = replica_set(target);
            event(&target, reason, note, key(&target, reason, note)).metadata.name.unwrap()
        };
        let first = name("batch", EventReason::Denied, "a");
        assert_eq!(first, name("batch", EventReason::Denied, "a"));
        for other in [
            name("other", EventReason::Denied, "a"),
            name("batch", EventReason::Warning, "a"),
            name("batch", EventReason::Denied, "b"),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn event_note_is_truncated_to_the_limit_of_the_api_server() {
        let note = format!("x{}", "ü".repeat(MAX_NOTE_BYTES));
        let event = event(&replica_set("batch"), EventReason::Denied, &note, 0);
        assert_eq!(event.note.unwrap().len(), MAX_NOTE_BYTES - 1);
    }
}
