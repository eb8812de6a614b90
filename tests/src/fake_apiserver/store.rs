//! The objects, their history by resource version, and what the server shall do wrong.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

/// A kind of object that the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `v1/Namespace`
    Namespace,
    /// `v1/ServiceAccount`
    ServiceAccount,
    /// `v1/Secret`
    Secret,
    /// `coordination.k8s.io/v1/Lease`
    Lease,
    /// `admissionregistration.k8s.io/v1/MutatingWebhookConfiguration`
    MutatingWebhookConfiguration,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::ServiceAccount => "ServiceAccount",
            Self::Secret => "Secret",
            Self::Lease => "Lease",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
        }
    }

    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::ServiceAccount => "serviceaccounts",
            Self::Secret => "secrets",
            Self::Lease => "leases",
            Self::MutatingWebhookConfiguration => "mutatingwebhookconfigurations",
        }
    }

    pub(super) const fn api_version(self) -> &'static str {
        match self {
            Self::Namespace | Self::ServiceAccount | Self::Secret => "v1",
            Self::Lease => "coordination.k8s.io/v1",
            Self::MutatingWebhookConfiguration => "admissionregistration.k8s.io/v1",
        }
    }
}

/// How the server fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Takes requests and never answers.
    Silent,
    /// Answers 503.
    Unavailable,
    /// Answers 403, as without RBAC.
    Forbidden,
}

/// How often the server was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Pages of lists.
    pub lists: u64,
    /// Watches opened.
    pub watches: u64,
    /// Single objects read.
    pub gets: u64,
    /// Single objects written, or refused to be.
    pub writes: u64,
}

/// Something that happened to an object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) kind: Kind,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) what: &'static str,
    pub(super) object: Value,
}

/// Why an object is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// There is none.
    Absent,
    /// There is one already.
    Exists,
    /// It is not the one that the client has read, by its resource version.
    Conflict,
    /// A patch's test fails, or it does not apply.
    Unprocessable,
}

type Key = (Kind, String, String);

fn key(kind: Kind, namespace: &str, name: &str) -> Key {
    (kind, namespace.to_owned(), name.to_owned())
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    events: Vec<Event>,
    /// Watches from before this version cannot be served.
    oldest: u64,
    held: bool,
    outage: Option<Outage>,
    calls: Calls,
    /// Lists that go on: the snapshot's version, and what of it is left.
    continued: BTreeMap<String, (u64, Vec<Value>)>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) version: u64,
    pub(super) items: Vec<Value>,
    pub(super) next: Option<String>,
    pub(super) remaining: usize,
}

/// The answer to a watch at some moment.
#[derive(Debug)]
pub(super) enum News {
    Events(Vec<Event>),
    /// Nothing since; the version until which that holds.
    Nothing(u64),
    /// The version is too old.
    Gone,
}

impl Store {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates or replaces an object; what the server itself decides of its metadata is made up here.
    pub(super) fn put(&self, kind: Kind, namespace: &str, name: &str, object: Value) {
        self.store(self.state(), key(kind, namespace, name), object);
    }

    /// Creates an object that is not there.
    pub(super) fn create(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        object: Value,
    ) -> Result<Value, NotWritten> {
        let state = self.state();
        let key = key(kind, namespace, name);
        if state.objects.contains_key(&key) {
            return Err(NotWritten::Exists);
        }
        Ok(self.store(state, key, object))
    }

    /// Replaces an object, if it is still the one that the client has read.
    pub(super) fn replace(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        object: Value,
    ) -> Result<Value, NotWritten> {
        let state = self.state();
        let key = key(kind, namespace, name);
        let old = state.objects.get(&key).ok_or(NotWritten::Absent)?;
        let version = &object["metadata"]["resourceVersion"];
        if version.is_string() && *version != old["metadata"]["resourceVersion"] {
            return Err(NotWritten::Conflict);
        }
        Ok(self.store(state, key, object))
    }

    /// Changes an object by a JSON Patch.
    pub(super) fn patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        patch: &json_patch::Patch,
    ) -> Result<Value, NotWritten> {
        let state = self.state();
        let key = key(kind, namespace, name);
        let old = state.objects.get(&key).ok_or(NotWritten::Absent)?;
        let mut object = old.clone();
        json_patch::patch(&mut object, patch).map_err(|_| NotWritten::Unprocessable)?;
        if object["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
            return Err(NotWritten::Conflict);
        }
        Ok(self.store(state, key, object))
    }

    fn store(&self, mut state: MutexGuard<'_, State>, key: Key, mut object: Value) -> Value {
        state.version += 1;
        let (kind, namespace, name) = key.clone();
        let uid = match state.objects.get(&key) {
            Some(old) => old["metadata"]["uid"].clone(),
            None => json!(format!("00000000-0000-4000-8000-{:012x}", state.version)),
        };
        let metadata = &mut object["metadata"];
        metadata["name"] = json!(name);
        metadata["uid"] = uid;
        metadata["resourceVersion"] = json!(state.version.to_string());
        metadata["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        metadata["managedFields"] = json!([{"manager": "kubectl", "operation": "Update", "apiVersion": "v1",
            "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:annotations": {}}}}]);
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        let what = if state.objects.insert(key, object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        self.happened(state, Event { version: 0, kind, what, object: object.clone() });
        object
    }

    pub(super) fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let mut state = self.state();
        let Some(mut object) = state.objects.remove(&key(kind, namespace, name)) else {
            return;
        };
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        self.happened(state, Event { version: 0, kind, what: "DELETED", object });
    }

    fn happened(&self, mut state: MutexGuard<'_, State>, event: Event) {
        let version = state.version;
        state.events.push(Event { version, ..event });
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn hold_watches(&self, hold: bool) {
        self.state().held = hold;
        self.changed.send_replace(());
    }

    pub(super) fn fail(&self, outage: Option<Outage>) {
        self.state().outage = outage;
        self.changed.send_replace(());
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.state().outage
    }

    pub(super) fn compact(&self) {
        let mut state = self.state();
        state.oldest = state.version;
        state.events.clear();
        state.continued.clear();
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn calls(&self) -> Calls {
        self.state().calls
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Calls)) {
        add(&mut self.state().calls);
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn read(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        self.state().objects.get(&key(kind, namespace, name)).cloned()
    }

    /// The first page; `namespace` empty: of all.
    pub(super) fn list(&self, kind: Kind, namespace: &str, limit: usize) -> Page {
        let mut state = self.state();
        let items = state
            .objects
            .range((Bound::Included((kind, namespace.to_owned(), String::new())), Bound::Unbounded))
            .take_while(|((k, ns, _), _)| *k == kind && (namespace.is_empty() || ns == namespace))
            .map(|(_, object)| object.clone())
            .collect();
        let version = state.version;
        page(&mut state, version, items, limit)
    }

    /// The next page, of the same snapshot; `None`: no such, or compacted.
    pub(super) fn next_page(&self, token: &str, limit: usize) -> Option<Page> {
        let mut state = self.state();
        let (version, items) = state.continued.get(token).cloned()?;
        Some(page(&mut state, version, items, limit))
    }

    /// What happened to objects of a kind after a version.
    pub(super) fn since(&self, kind: Kind, namespace: &str, version: u64) -> News {
        let state = self.state();
        if version < state.oldest {
            return News::Gone;
        }
        if state.held || state.outage.is_some() {
            return News::Nothing(version);
        }
        let of_interest = |event: &&Event| {
            event.version > version
                && event.kind == kind
                && (namespace.is_empty() || event.object["metadata"]["namespace"] == namespace)
        };
        let events: Vec<_> = state.events.iter().filter(of_interest).cloned().collect();
        if events.is_empty() { News::Nothing(state.version) } else { News::Events(events) }
    }
}

fn page(state: &mut State, version: u64, mut items: Vec<Value>, limit: usize) -> Page {
    let rest = if limit > 0 && items.len() > limit { items.split_off(limit) } else { Vec::new() };
    let remaining = rest.len();
    let next = (remaining > 0).then(|| {
        let token = format!("{version}.{}", state.continued.len());
        state.continued.insert(token.clone(), (version, rest));
        token
    });
    Page { version, items, next, remaining }
}
