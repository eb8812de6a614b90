//! Stores the objects, their history by resource version, and the configured outage.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

/// Kind of an object that the server supports.
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

/// Failure mode of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// Accepts requests and never responds.
    Silent,
    /// Returns 503.
    Unavailable,
    /// Returns 403, as without RBAC.
    Forbidden,
    /// Responds after this time, as with a slow etcd.
    Slow(Duration),
}

/// Number of requests by type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Requested pages of lists.
    pub lists: u64,
    /// Opened watches.
    pub watches: u64,
    /// Reads of single objects.
    pub gets: u64,
    /// Writes of single objects, including rejected ones.
    pub writes: u64,
}

/// A change of an object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) version: u64,
    pub(super) kind: Kind,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(super) change: &'static str,
    pub(super) object: Arc<Value>,
}

/// Reason why a write was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteError {
    /// The object does not exist.
    NotFound,
    /// The object to create exists already.
    AlreadyExists,
    /// The resource version in the request is outdated.
    Conflict,
    /// A test of the patch fails, or the patch does not apply.
    Invalid,
}

type Key = (Kind, String, String);

fn key(kind: Kind, namespace: &str, name: &str) -> Key {
    (kind, namespace.to_owned(), name.to_owned())
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    events: Vec<Event>,
    /// Version of the last compaction. Watches from older versions cannot be served.
    compacted: u64,
    watches_paused: bool,
    outage: Option<Outage>,
    request_counts: RequestCounts,
    /// Unfinished lists by continue token.
    continued: BTreeMap<String, Continued>,
}

/// An unfinished list. All of its pages share the snapshot, so that a long list takes linear time.
#[derive(Debug, Clone)]
struct Continued {
    version: u64,
    snapshot: Arc<[Arc<Value>]>,
    /// Number of items in the pages before.
    listed: usize,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

/// A page of a list.
#[derive(Debug)]
pub(super) struct ListPage {
    pub(super) version: u64,
    pub(super) items: Vec<Arc<Value>>,
    pub(super) next: Option<String>,
    pub(super) remaining: usize,
}

/// Changes since a resource version.
#[derive(Debug)]
pub(super) enum Changes {
    Events(Vec<Event>),
    /// No changes up to this version.
    None(u64),
    /// The version was compacted.
    Expired,
}

impl Store {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates or replaces an object.
    pub(super) fn put(&self, kind: Kind, namespace: &str, name: &str, object: Value) {
        self.store(self.state(), key(kind, namespace, name), object);
    }

    /// Creates an object that does not exist yet.
    pub(super) fn create(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        object: Value,
    ) -> Result<Arc<Value>, WriteError> {
        let state = self.state();
        let key = key(kind, namespace, name);
        if state.objects.contains_key(&key) {
            return Err(WriteError::AlreadyExists);
        }
        Ok(self.store(state, key, object))
    }

    /// Replaces an object if its resource version is the one in the request.
    pub(super) fn replace(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        object: Value,
    ) -> Result<Arc<Value>, WriteError> {
        let state = self.state();
        let key = key(kind, namespace, name);
        let old = state.objects.get(&key).ok_or(WriteError::NotFound)?;
        let version = &object["metadata"]["resourceVersion"];
        if version.is_string() && *version != old["metadata"]["resourceVersion"] {
            return Err(WriteError::Conflict);
        }
        Ok(self.store(state, key, object))
    }

    /// Applies a JSON Patch to an object.
    pub(super) fn patch(
        &self,
        kind: Kind,
        namespace: &str,
        name: &str,
        patch: &json_patch::Patch,
    ) -> Result<Arc<Value>, WriteError> {
        let state = self.state();
        let key = key(kind, namespace, name);
        let old = state.objects.get(&key).ok_or(WriteError::NotFound)?;
        let mut object = Value::clone(old);
        json_patch::patch(&mut object, patch).map_err(|_| WriteError::Invalid)?;
        if object["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
            return Err(WriteError::Conflict);
        }
        Ok(self.store(state, key, object))
    }

    /// Stores an object with the metadata that the API server sets, and records the change.
    fn store(&self, mut state: MutexGuard<'_, State>, key: Key, mut object: Value) -> Arc<Value> {
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
        let object = Arc::new(object);
        let replaced = state.objects.insert(key, Arc::clone(&object));
        let change = if replaced.is_some() { "MODIFIED" } else { "ADDED" };
        self.record(state, Event { version: 0, kind, change, object: Arc::clone(&object) });
        object
    }

    pub(super) fn delete(&self, kind: Kind, namespace: &str, name: &str) {
        let mut state = self.state();
        let Some(object) = state.objects.remove(&key(kind, namespace, name)) else {
            return;
        };
        let mut object = Value::clone(&object);
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        self.record(state, Event { version: 0, kind, change: "DELETED", object: Arc::new(object) });
    }

    fn record(&self, mut state: MutexGuard<'_, State>, event: Event) {
        let version = state.version;
        state.events.push(Event { version, ..event });
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn pause_watches(&self, pause: bool) {
        self.state().watches_paused = pause;
        self.changed.send_replace(());
    }

    pub(super) fn set_outage(&self, outage: Option<Outage>) {
        self.state().outage = outage;
        self.changed.send_replace(());
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.state().outage
    }

    pub(super) fn compact(&self) {
        let mut state = self.state();
        state.compacted = state.version;
        state.events.clear();
        state.continued.clear();
        drop(state);
        self.changed.send_replace(());
    }

    pub(super) fn request_counts(&self) -> RequestCounts {
        self.state().request_counts
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut RequestCounts)) {
        add(&mut self.state().request_counts);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn read(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.state().objects.get(&key(kind, namespace, name)).cloned()
    }

    /// Returns the first page of a list. An empty `namespace` lists all namespaces; `None` lists all names.
    pub(super) fn list(&self, kind: Kind, namespace: &str, name: Option<&str>, limit: usize) -> ListPage {
        let mut state = self.state();
        let items = state
            .objects
            .range((Bound::Included((kind, namespace.to_owned(), String::new())), Bound::Unbounded))
            .take_while(|((k, ns, _), _)| *k == kind && (namespace.is_empty() || ns == namespace))
            .filter(|((_, _, own), _)| name.is_none_or(|name| own == name))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        let list = Continued { version: state.version, snapshot: items, listed: 0 };
        page(&mut state, list, limit)
    }

    /// Returns the next page of the same snapshot, or `None` if the token is unknown or compacted.
    pub(super) fn next_page(&self, token: &str, limit: usize) -> Option<ListPage> {
        let mut state = self.state();
        let list = state.continued.get(token).cloned()?;
        Some(page(&mut state, list, limit))
    }

    /// Returns the changes of objects of a kind after a version.
    pub(super) fn changes_since(
        &self,
        kind: Kind,
        namespace: &str,
        name: Option<&str>,
        version: u64,
    ) -> Changes {
        let state = self.state();
        if version < state.compacted {
            return Changes::Expired;
        }
        if state.watches_paused || state.outage.is_some() {
            return Changes::None(version);
        }
        let later = state.events.partition_point(|event| event.version <= version);
        let matches = |event: &&Event| {
            event.kind == kind
                && (namespace.is_empty() || event.object["metadata"]["namespace"] == namespace)
                && name.is_none_or(|name| event.object["metadata"]["name"] == name)
        };
        let events: Vec<_> = state.events[later..].iter().filter(matches).cloned().collect();
        if events.is_empty() { Changes::None(state.version) } else { Changes::Events(events) }
    }
}

fn page(state: &mut State, mut list: Continued, limit: usize) -> ListPage {
    let rest = &list.snapshot[list.listed..];
    let count = if limit > 0 { limit.min(rest.len()) } else { rest.len() };
    let (version, items, remaining) = (list.version, rest[..count].to_vec(), rest.len() - count);
    let next = (remaining > 0).then(|| {
        let token = format!("{version}.{}", state.continued.len());
        list.listed += count;
        state.continued.insert(token.clone(), list);
        token
    });
    ListPage { version, items, next, remaining }
}
