//! Events about pods that were refused, left alone or warned about, for those who look there. Off unless asked for.
//!
//! A controller that is refused tries again and again, with every replica of the webhook: so an event is said once, by
//! a name made of what it says, and all together no faster than the API server should bear. Never of a dry run.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
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

use crate::ask::ask;
use crate::metrics::{EventOutcome, Metrics};
use crate::rate::Bucket;

/// What the events say who speaks.
const CONTROLLER: &str = "rolebridge.io/webhook";
/// Events a second in the long run, and at once.
const RATE: u32 = 1;
const BURST: u32 = 25;
/// How long an event is not said again. The API server forgets events after an hour.
const SILENCE: Duration = Duration::from_mins(30);
/// How many are remembered, and how many wait.
const REMEMBERED: usize = 1000;
const WAITING: usize = 50;
/// The longest note that it takes, in bytes.
const NOTE: usize = 1024;

macro_rules! occasions {
    ($($(#[doc = $doc:literal])+ $name:ident = $reason:literal, $sentence:literal;)+) => {
        /// What an event is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Occasion {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Occasion {
            /// Every occasion, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The event's reason.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)+
                }
            }

            /// When it is said, for people.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)+
                }
            }
        }
    };
}

occasions! {
    /// The pod was refused.
    Refused = "RolebridgeRefused", "A pod was refused; the note is the refusal's sentence.";
    /// The pod's namespace opted it in, and it passed unchanged nevertheless.
    NotInjected = "RolebridgeNotInjected",
        "A pod that only its namespace opted in passed unchanged; the note says what it lacks.";
    /// The pod passed, with a warning that its controller reads and nobody else.
    Warned = "RolebridgeWarned", "A pod was injected, with warnings: the note.";
}

/// Says events.
#[derive(Debug)]
pub struct Events {
    sender: Sender<Event>,
    gate: Mutex<Gate>,
    metrics: Arc<Metrics>,
}

impl Events {
    /// Says them with this client, from a task of its own.
    #[must_use]
    pub fn start(client: Client, metrics: Arc<Metrics>) -> Self {
        let (sender, receiver) = channel(WAITING);
        tokio::spawn(create(client, receiver, Arc::clone(&metrics)));
        Self { sender, gate: Mutex::new(Gate::new(Instant::now())), metrics }
    }

    /// Says it, unless it was said lately or there is too much to say. Never waits.
    pub fn say(&self, about: &ObjectReference, occasion: Occasion, note: &str) {
        let key = key(about, occasion, note);
        let passes = self.gate.lock().unwrap_or_else(PoisonError::into_inner).passes(key, Instant::now());
        let outcome = match passes {
            Ok(()) if self.sender.try_send(event(about, occasion, note, key)).is_ok() => return,
            Ok(()) => EventOutcome::Limited,
            Err(outcome) => outcome,
        };
        self.metrics.event(outcome);
    }
}

async fn create(client: Client, mut receiver: Receiver<Event>, metrics: Arc<Metrics>) {
    while let Some(event) = receiver.recv().await {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        let events = Api::<Event>::namespaced(client.clone(), namespace);
        let outcome = match ask(events.create(&PostParams::default(), &event)).await {
            Ok(_) => EventOutcome::Created,
            // Another replica said it.
            Err(error) if error.is_conflict() => EventOutcome::Repeated,
            Err(error) => {
                debug!(namespace, %error, "event not created");
                EventOutcome::Failed
            }
        };
        metrics.event(outcome);
    }
}

/// What was said lately, and how fast.
#[derive(Debug)]
struct Gate {
    said: HashMap<u64, Instant>,
    bucket: Bucket,
}

impl Gate {
    fn new(now: Instant) -> Self {
        Self { said: HashMap::new(), bucket: Bucket::new(RATE, BURST, now) }
    }

    fn passes(&mut self, key: u64, now: Instant) -> Result<(), EventOutcome> {
        let lately = |said: &Instant| now.duration_since(*said) < SILENCE;
        if self.said.get(&key).is_some_and(lately) {
            return Err(EventOutcome::Repeated);
        }
        if self.said.len() >= REMEMBERED {
            self.said.retain(|_, said| lately(said));
        }
        if self.said.len() >= REMEMBERED || self.bucket.turn(now, Duration::ZERO).is_none() {
            return Err(EventOutcome::Limited);
        }
        self.said.insert(key, now);
        Ok(())
    }
}

/// The same in every replica: the hasher has no seed of its own.
fn key(about: &ObjectReference, occasion: Occasion, note: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&about.namespace, &about.kind, &about.name, &about.uid, occasion, note).hash(&mut hasher);
    hasher.finish()
}

fn event(about: &ObjectReference, occasion: Occasion, note: &str, key: u64) -> Event {
    let name = about.name.as_deref().unwrap_or_default();
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{name}.{key:016x}")),
            namespace: about.namespace.clone(),
            ..ObjectMeta::default()
        },
        type_: Some("Warning".to_owned()),
        reason: Some(occasion.reason().to_owned()),
        action: Some("Admission".to_owned()),
        note: Some(note[..note.floor_char_boundary(NOTE)].to_owned()),
        regarding: Some(about.clone()),
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
    fn an_event_is_said_once_until_it_is_forgotten() {
        let start = Instant::now();
        let mut gate = Gate::new(start);
        assert_eq!(gate.passes(1, start), Ok(()));
        assert_eq!(gate.passes(1, start + SILENCE / 2), Err(EventOutcome::Repeated));
        assert_eq!(gate.passes(2, start + SILENCE / 2), Ok(()));
        assert_eq!(gate.passes(1, start + SILENCE), Ok(()));
    }

    #[test]
    fn a_storm_of_different_events_is_limited_and_what_was_not_said_can_be_said_later() {
        let start = Instant::now();
        let mut gate = Gate::new(start);
        let passed = (0..1000).filter(|key| gate.passes(*key, start).is_ok()).count();
        assert_eq!(passed, 25);
        assert_eq!(gate.passes(999, start), Err(EventOutcome::Limited));
        assert_eq!(gate.passes(999, start + Duration::from_secs(1)), Ok(()));
    }

    #[test]
    fn the_name_is_made_of_what_is_said_about_what() {
        let name = |about: &str, occasion, note| {
            let about = replica_set(about);
            event(&about, occasion, note, key(&about, occasion, note)).metadata.name.unwrap()
        };
        let one = name("batch", Occasion::Refused, "a");
        assert_eq!(one, name("batch", Occasion::Refused, "a"));
        for other in [
            name("other", Occasion::Refused, "a"),
            name("batch", Occasion::Warned, "a"),
            name("batch", Occasion::Refused, "b"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_note_is_cut_where_the_api_server_would_refuse_it() {
        let note = format!("x{}", "ü".repeat(NOTE));
        let event = event(&replica_set("batch"), Occasion::Refused, &note, 0);
        assert_eq!(event.note.unwrap().len(), NOTE - 1);
    }
}
