//! Lists objects page by page and watches them, for as long as the program runs.
//!
//! Not kube-runtime's watcher, for three reasons. It repeats the list from its start when one page fails, and parses managed
//! fields, the largest part of most objects. It also hides bookmarks, by which a quiet watch differs from a silent one.

mod error;
pub mod object;
pub(crate) mod page;
pub mod progress;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use backon::ExponentialBuilder;
use futures::TryStreamExt;
use kube::api::{WatchEvent, WatchParams};
use kube::core::Request;
use kube::{Client, Resource};
use kube_runtime::utils::Backoff;
use kube_runtime::watcher::ExponentialBackoff;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use self::error::ListWatchError;
use self::object::WatchedObject;
use self::page::PageSize;
use self::progress::WatchProgress;

/// Minimum `timeoutSeconds` of a watch. Each watch has a random one, so that replicas do not act at the same time.
const MIN_WATCH_TIMEOUT: u32 = 45;
/// Maximum `timeoutSeconds` of a watch: API servers end it by then, so that a silent watch is noticed.
const MAX_WATCH_TIMEOUT: u32 = 60;
/// Time for the end of a watch to arrive, after `timeoutSeconds`.
const END_MARGIN: Duration = Duration::from_secs(5);
/// Longest time without a byte from the API server in a watch that is not silent.
pub const MAX_SILENCE: Duration = Duration::from_secs(MAX_WATCH_TIMEOUT as u64).saturating_add(END_MARGIN);
/// Watches that end sooner, without an event, count as failed: repeating them at once would be a hot loop.
const MIN_WATCH_DURATION: Duration = Duration::from_secs(1);

/// Delay after the first of several consecutive errors. Jitter adds up to as much.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// Maximum delay, without jitter: a recovered API server is noticed within ten seconds.
const MAX_DELAY: Duration = Duration::from_secs(5);

/// Receiver of the objects.
pub trait Sink {
    /// Begins a list, for the first time or again. The objects of an unfinished list are obsolete.
    fn list_started(&mut self);
    /// Adds or replaces the objects of one page.
    fn page_listed(&mut self, objects: Vec<WatchedObject>);
    /// Ends the list: objects that were not in it do not exist.
    fn list_completed(&mut self);
    /// Adds or replaces an object.
    fn changed(&mut self, object: WatchedObject);
    /// Removes an object.
    fn deleted(&mut self, object: WatchedObject);
}

/// Objects to list and watch.
pub struct ListWatch {
    client: Client,
    request: Request,
    fields: Option<String>,
}

impl fmt::Debug for ListWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListWatch")
            .field("request", &self.request)
            .field("fields", &self.fields)
            .finish_non_exhaustive()
    }
}

enum State {
    /// The next page continues this token; `None` for the first page.
    Listing { token: Option<String> },
    /// All objects up to this version are known.
    Watching { version: String },
}

impl ListWatch {
    /// Selects all objects of a kind, in all namespaces.
    #[must_use]
    pub fn all<K: Resource<DynamicType = ()>>(client: Client) -> Self {
        let request = Request::new(K::url_path(&(), None));
        Self { client, request, fields: None }
    }

    /// Selects one object of a cluster-scoped kind. RBAC allows such lists and watches by `resourceNames`.
    #[must_use]
    pub fn named<K: Resource<DynamicType = ()>>(client: Client, name: &str) -> Self {
        let fields = Some(format!("metadata.name={name}"));
        Self { fields, ..Self::all::<K>(client) }
    }

    /// Passes the objects and their changes to the sink until the future is dropped. Errors are logged, counted and retried.
    pub async fn run(&self, sink: &mut impl Sink, progress: &WatchProgress) {
        let mut backoff = backoff();
        let mut size = PageSize::default();
        let mut state = State::Listing { token: None };
        loop {
            let result = match &mut state {
                State::Listing { token } => self.list_page(token, &mut size, sink).await,
                State::Watching { version } => self.watch(version, sink, progress).await.map(|()| None),
            };
            let error = match result {
                Ok(next) => {
                    progress.record_heard();
                    backoff.reset();
                    state = next.unwrap_or(state);
                    continue;
                }
                Err(error) => error,
            };
            progress.record_error();
            let kind = progress.kind().name();
            if let ListWatchError::Expired(error) = &error {
                info!(kind, error, "listing objects again");
                state = State::Listing { token: None };
            } else {
                warn!(kind, error = %error, "failed to list or watch objects; retrying");
            }
            sleep(backoff.next().unwrap_or(MAX_DELAY)).await;
        }
    }

    /// Lists one page. Returns the next state after the last one.
    async fn list_page(
        &self,
        token: &mut Option<String>,
        size: &mut PageSize,
        sink: &mut impl Sink,
    ) -> Result<Option<State>, ListWatchError> {
        if token.is_none() {
            sink.list_started();
        }
        let fields = self.fields.as_deref();
        let page = page::read(&self.client, &self.request, fields, token.as_deref(), size).await?;
        sink.page_listed(page.items);
        *token = page.metadata.r#continue.filter(|token| !token.is_empty());
        if token.is_some() {
            return Ok(None);
        }
        let version = page.metadata.resource_version.filter(|version| !version.is_empty());
        let version = version.ok_or(ListWatchError::NoResourceVersion)?;
        sink.list_completed();
        Ok(Some(State::Watching { version }))
    }

    /// Watches until the API server ends the watch. `version` follows the events and bookmarks.
    async fn watch(
        &self,
        version: &mut String,
        sink: &mut impl Sink,
        progress: &WatchProgress,
    ) -> Result<(), ListWatchError> {
        let seconds = fastrand::u32(MIN_WATCH_TIMEOUT..=MAX_WATCH_TIMEOUT);
        let timeout = Duration::from_secs(seconds.into());
        let (started, first) = (Instant::now(), version.clone());
        let watch = self.receive(seconds, version, sink, progress);
        let deadline = timeout + END_MARGIN;
        timeout_at(started + deadline, watch).await.unwrap_or(Err(ListWatchError::Silent(deadline)))?;
        if started.elapsed() < MIN_WATCH_DURATION && *version == first {
            return Err(ListWatchError::EndedAtOnce);
        }
        Ok(())
    }

    async fn receive(
        &self,
        timeout: u32,
        version: &mut String,
        sink: &mut impl Sink,
        progress: &WatchProgress,
    ) -> Result<(), ListWatchError> {
        let params = WatchParams {
            field_selector: self.fields.clone(),
            timeout: Some(timeout),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = self.request.watch_metadata(&params, version).map_err(kube::Error::BuildRequest)?;
        let mut events = pin!(self.client.request_events::<WatchedObject>(request).await?);
        while let Some(event) = events.try_next().await? {
            progress.record_heard();
            match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    version.clone_from(&object.metadata.resource_version);
                    sink.changed(object);
                }
                WatchEvent::Deleted(object) => {
                    version.clone_from(&object.metadata.resource_version);
                    sink.deleted(object);
                }
                WatchEvent::Bookmark(bookmark) => *version = bookmark.metadata.resource_version,
                WatchEvent::Error(status) => return Err(ListWatchError::from(*status)),
            }
        }
        Ok(())
    }
}

fn backoff() -> ExponentialBackoff {
    let delays = ExponentialBuilder::default().with_min_delay(FIRST_DELAY).with_max_delay(MAX_DELAY);
    delays.with_factor(2.0).with_jitter().without_max_times().into()
}
