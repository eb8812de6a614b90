//! A watch: one line of JSON for each event, until the client's timeout.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::store::{Changes, Event, Kind, Store};

/// Interval of bookmarks. The API server sends one about once a minute.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// Initial events of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InitialEvents {
    /// All objects, then a bookmark that marks their end.
    AllWithBookmark,
    /// All objects.
    All,
    /// No initial events, only changes.
    None,
}

/// Parameters of a watch request.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    /// The only watched name; `None` for all.
    pub(super) name: Option<String>,
    /// Resource version after which events are sent.
    pub(super) version: u64,
    pub(super) initial_events: InitialEvents,
    pub(super) bookmarks: bool,
    pub(super) timeout: Duration,
    /// True if the client's `Accept` header requests metadata only.
    pub(super) metadata_only: bool,
}

struct WatchStream {
    watch: Watch,
    store: Arc<Store>,
    changed: Receiver<()>,
    deadline: Instant,
    done: bool,
}

impl Watch {
    /// Returns the response body, a stream of lines.
    pub(super) fn body(self, store: Arc<Store>) -> Body {
        let deadline = Instant::now() + self.timeout;
        let changed = store.subscribe();
        let stream = WatchStream { watch: self, store, changed, deadline, done: false };
        Body::from_stream(stream::unfold(stream, |mut stream| async move {
            let lines = stream.next().await?;
            Some((Ok::<_, Infallible>(lines), stream))
        }))
    }

    fn line(&self, event_type: &str, object: &Value) -> String {
        let object = render(self.kind, object, self.metadata_only);
        format!("{}\n", json!({"type": event_type, "object": object}))
    }

    fn bookmark(&self, annotations: &Value) -> String {
        let metadata = json!({"resourceVersion": self.version.to_string(), "annotations": annotations});
        self.line("BOOKMARK", &json!({"metadata": metadata}))
    }
}

impl WatchStream {
    async fn next(&mut self) -> Option<String> {
        if self.done {
            return None;
        }
        match std::mem::replace(&mut self.watch.initial_events, InitialEvents::None) {
            InitialEvents::None => {}
            initial => return Some(self.initial_lines(initial)),
        }
        loop {
            // Marked as seen before the read, so that a change in between ends the wait below.
            self.changed.borrow_and_update();
            match self.store.changes_since(
                self.watch.kind,
                &self.watch.namespace,
                self.watch.name.as_deref(),
                self.watch.version,
            ) {
                Changes::Events(events) => return Some(self.lines(&events)),
                Changes::None(version) => self.watch.version = version,
                Changes::Expired => {
                    self.done = true;
                    return Some(expired());
                }
            }
            let now = Instant::now();
            if now >= self.deadline {
                return None;
            }
            let wait = BOOKMARK_EVERY.min(self.deadline - now);
            let unchanged = tokio::time::timeout(wait, self.changed.changed()).await.is_err();
            if unchanged && self.watch.bookmarks {
                return Some(self.watch.bookmark(&json!({})));
            }
        }
    }

    fn lines(&mut self, events: &[Event]) -> String {
        self.watch.version = events.last().map_or(self.watch.version, |event| event.version);
        events.iter().map(|event| self.watch.line(event.change, &event.object)).collect()
    }

    fn initial_lines(&mut self, initial: InitialEvents) -> String {
        let page = self.store.list(self.watch.kind, &self.watch.namespace, self.watch.name.as_deref(), 0);
        self.watch.version = page.version;
        let mut lines: String = page.items.iter().map(|object| self.watch.line("ADDED", object)).collect();
        if initial == InitialEvents::AllWithBookmark {
            lines += &self.watch.bookmark(&json!({"k8s.io/initial-events-end": "true"}));
        }
        lines
    }
}

/// Sets `apiVersion` and `kind` for a client that requested metadata only, or the whole object.
pub(super) fn render(kind: Kind, object: &Value, metadata_only: bool) -> Value {
    let mut object = object.clone();
    let (version, kind) = if metadata_only {
        ("meta.k8s.io/v1", "PartialObjectMetadata")
    } else {
        (kind.api_version(), kind.name())
    };
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    object
}

fn expired() -> String {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410});
    format!("{}\n", json!({"type": "ERROR", "object": status}))
}
