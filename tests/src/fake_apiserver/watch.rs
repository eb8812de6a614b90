//! A watch: lines of JSON, each an event, for as long as the client said that it would listen.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::store::{Event, Kind, News, Store};

/// The API server sends a bookmark about once a minute.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// What a watch begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Everything that exists, and a bookmark that says that this was it.
    EverythingMarked,
    /// Everything that exists.
    Everything,
    /// Only what changes.
    Changes,
}

/// What the client asked for.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    /// Events after this version.
    pub(super) version: u64,
    pub(super) start: Start,
    pub(super) bookmarks: bool,
    pub(super) timeout: Duration,
    /// Only metadata: the client's `Accept` says so.
    pub(super) metadata_only: bool,
}

struct Progress {
    watch: Watch,
    store: Arc<Store>,
    changes: Receiver<()>,
    deadline: Instant,
    ended: bool,
}

impl Watch {
    /// The lines, as they come.
    pub(super) fn body(self, store: Arc<Store>) -> Body {
        let deadline = Instant::now() + self.timeout;
        let changes = store.changes();
        let progress = Progress { watch: self, store, changes, deadline, ended: false };
        Body::from_stream(stream::unfold(progress, |mut progress| async move {
            let lines = progress.next().await?;
            Some((Ok::<_, Infallible>(lines), progress))
        }))
    }

    fn line(&self, what: &str, object: &Value) -> String {
        let object = shown(self.kind, object, self.metadata_only);
        format!("{}\n", json!({"type": what, "object": object}))
    }

    fn bookmark(&self, annotations: &Value) -> String {
        let metadata = json!({"resourceVersion": self.version.to_string(), "annotations": annotations});
        self.line("BOOKMARK", &json!({"metadata": metadata}))
    }
}

impl Progress {
    async fn next(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        match std::mem::replace(&mut self.watch.start, Start::Changes) {
            Start::Changes => {}
            start => return Some(self.everything(start)),
        }
        loop {
            // Seen before the look, so that a change in between wakes the wait below.
            self.changes.borrow_and_update();
            match self.store.since(self.watch.kind, &self.watch.namespace, self.watch.version) {
                News::Events(events) => return Some(self.lines(&events)),
                News::Nothing(version) => self.watch.version = version,
                News::Gone => {
                    self.ended = true;
                    return Some(gone());
                }
            }
            let now = Instant::now();
            if now >= self.deadline {
                return None;
            }
            let wait = BOOKMARK_EVERY.min(self.deadline - now);
            let quiet = tokio::time::timeout(wait, self.changes.changed()).await.is_err();
            if quiet && self.watch.bookmarks {
                return Some(self.watch.bookmark(&json!({})));
            }
        }
    }

    fn lines(&mut self, events: &[Event]) -> String {
        self.watch.version = events.last().map_or(self.watch.version, |event| event.version);
        events.iter().map(|event| self.watch.line(event.what, &event.object)).collect()
    }

    fn everything(&mut self, start: Start) -> String {
        let page = self.store.list(self.watch.kind, &self.watch.namespace, 0);
        self.watch.version = page.version;
        let mut lines: String = page.items.iter().map(|object| self.watch.line("ADDED", object)).collect();
        if start == Start::EverythingMarked {
            lines += &self.watch.bookmark(&json!({"k8s.io/initial-events-end": "true"}));
        }
        lines
    }
}

/// The object as a client sees it that asked for metadata only, or for the whole.
pub(super) fn shown(kind: Kind, object: &Value, metadata_only: bool) -> Value {
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

fn gone() -> String {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "too old resource version", "reason": "Expired", "code": 410});
    format!("{}\n", json!({"type": "ERROR", "object": status}))
}
