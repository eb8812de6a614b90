//! Reads a service account or a namespace from the API server.
//!
//! A controller retries a denied pod again and again, and many pods share a namespace, so reads are shared. One read waits
//! or is in flight for each object, and all reviews that need the object wait for it. The result (found, absent or failed)
//! stays valid for a moment. [`Turns`] limits the reads and shares them fairly. A read that gets no turn has no result, so
//! the next review that needs the object asks for a turn again.
//!
//! Each read is a task of its own: it continues if the review that started it is canceled, because the API server sends
//! the review again.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::api::GetParams;
use kube::{Client, Resource};
use rolebridge_inject::ObjectMetadata;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, timeout_at};

use crate::api_call::{call_with_timeout, no_answer};
use crate::bounded_body::BoundedBody;
use crate::list_watch::object::WatchedObject;
use crate::metadata::object_key::ObjectKey;
use crate::metadata::turns::{Next, Purpose, ReadLimits, Request, Turns};
use crate::metrics::{LiveReadOutcome, Metrics};
use crate::object_kind::ObjectKind;

/// Time for which a result is reused.
pub const RESULT_TTL: Duration = Duration::from_secs(1);

/// Maximum size of an object that is read without a permit. Ordinary objects have 1 to 4 KiB, and all reads in flight
/// together take 2 MiB.
pub(crate) const MAX_SMALL_BYTES: usize = 64 << 10;

/// Maximum size of an object that is read. Kubernetes permits 256 KiB of annotations, which managed fields repeat in part.
/// Escapes of JSON make each byte six (`\u003c`) at most. Only a hostile object has more.
pub(crate) const MAX_OBJECT_BYTES: usize = 4 << 20;

/// Maximum number of reads in flight of objects that are not small. The others wait, and hold only what they have received.
/// Only the relevant keys are kept while an object is parsed, so these reads take 8 MiB at most.
pub(crate) const MAX_LARGE_READS: usize = 2;

/// Number of remembered reads at which the outdated ones are first removed.
const MIN_SWEEP_LEN: usize = 256;

/// A failed read: it is unknown whether the object exists.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReadError {
    /// The API server did not return the object.
    #[error("Failed to read {key} from the Kubernetes API: {cause}. Fix: try again.")]
    Failed {
        /// The object.
        key: ObjectKey,
        /// The API server's message.
        cause: Arc<str>,
    },
    /// No turn was free in time.
    #[error("Did not read {key} from the Kubernetes API: too many reads at the moment. Fix: try again.")]
    Limited {
        /// The object.
        key: ObjectKey,
    },
}

/// The object's metadata; `None` if the object does not exist.
type MetadataReadResult = Result<Option<Arc<ObjectMetadata>>, ReadError>;

/// Progress of a read.
#[derive(Debug, Clone)]
enum Progress {
    /// The read waits for its turn. If the sender is dropped, it gets none.
    Waiting,
    /// The API server was asked.
    Started,
    /// The read has this result since this time.
    Done(Instant, MetadataReadResult),
}

/// A read with its waiting reviews, which hold receivers of the progress.
#[derive(Debug)]
struct Read {
    key: ObjectKey,
    progress: watch::Sender<Progress>,
}

impl Read {
    /// Returns true if no review waits for the read: one receiver is the reader's own.
    fn is_abandoned(&self) -> bool {
        self.progress.receiver_count() <= 1
    }
}

/// The latest read of an object.
#[derive(Debug)]
struct LatestRead {
    purpose: Purpose,
    progress: watch::Receiver<Progress>,
}

impl LatestRead {
    /// Returns true if a review may use this read. A read that waits with a lower priority is too slow.
    fn is_usable(&self, purpose: Purpose, now: Instant) -> bool {
        match &*self.progress.borrow() {
            Progress::Waiting => self.purpose <= purpose && self.progress.has_changed().is_ok(),
            Progress::Started => self.progress.has_changed().is_ok(),
            Progress::Done(at, _) => now.duration_since(*at) < RESULT_TTL,
        }
    }
}

/// The reads of all objects.
#[derive(Debug)]
struct Reads {
    turns: Turns<Read>,
    latest: HashMap<ObjectKey, LatestRead>,
    /// Number of reads in `latest` at which the outdated ones are removed.
    sweep_len: usize,
    /// True while a task grants turns to waiting reads.
    is_granting: bool,
}

impl Reads {
    /// Removes outdated reads once their number may have doubled, so that they take no memory forever.
    fn sweep(&mut self, now: Instant) {
        if self.latest.len() >= self.sweep_len {
            self.latest.retain(|_, read| read.is_usable(Purpose::Advice, now));
            self.sweep_len = MIN_SWEEP_LEN.max(self.latest.len() * 2);
        }
    }
}

/// Reader of object metadata that bypasses the caches.
#[derive(Debug)]
pub struct MetadataReader(Arc<Inner>);

struct Inner {
    client: Client,
    metrics: Arc<Metrics>,
    /// Permits to read objects that are not small.
    large_reads: Semaphore,
    /// Deadline of a read.
    timeout: Duration,
    reads: Mutex<Reads>,
    /// A read waits or has finished.
    changed: Notify,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("timeout", &self.timeout)
            .field("reads", &self.reads)
            .finish_non_exhaustive()
    }
}

impl MetadataReader {
    /// Creates a reader. Each read takes at most `timeout`, including the wait for its turn.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>, timeout: Duration, limits: ReadLimits) -> Self {
        let reads = Mutex::new(Reads {
            turns: Turns::new(limits, timeout, Instant::now()),
            latest: HashMap::new(),
            sweep_len: MIN_SWEEP_LEN,
            is_granting: false,
        });
        let large_reads = Semaphore::new(MAX_LARGE_READS);
        Self(Arc::new(Inner { client, metrics, large_reads, timeout, reads, changed: Notify::new() }))
    }

    /// Returns the deadline of reads that start now.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.0.timeout
    }

    /// Returns the object's metadata as of at most [`RESULT_TTL`] ago; `None` if the object does not exist. `share` names
    /// those with which the read shares its turns, usually the namespace.
    ///
    /// # Errors
    ///
    /// Returns an error if the read fails, exceeds the deadline, or gets no turn.
    pub async fn read(
        &self,
        key: ObjectKey,
        share: &str,
        purpose: Purpose,
        deadline: Instant,
    ) -> MetadataReadResult {
        if !key.is_valid() {
            return Ok(None);
        }
        let now = Instant::now();
        let Some(mut progress) = self.0.join_or_start(&key, share, purpose, now) else {
            return self.refuse(key, purpose);
        };
        let turn_by = deadline.min(now + purpose.max_wait(self.0.timeout));
        let turn = progress.wait_for(|progress| !matches!(progress, Progress::Waiting));
        if !matches!(timeout_at(turn_by, turn).await, Ok(Ok(_))) {
            return self.refuse(key, purpose);
        }
        let result = timeout_at(deadline, result(&mut progress)).await.ok().flatten();
        result.unwrap_or_else(|| Err(failed(&key, &no_answer(self.0.timeout))))
    }

    /// Counts a read that gets no turn, and returns its error.
    pub(super) fn refuse(&self, key: ObjectKey, purpose: Purpose) -> MetadataReadResult {
        self.0.metrics.record_live_read(match purpose {
            Purpose::Unseen => LiveReadOutcome::Limited,
            Purpose::Confirmation | Purpose::Advice => LiveReadOutcome::Omitted,
        });
        Err(ReadError::Limited { key })
    }
}

impl Inner {
    /// Returns the progress of the latest read of the object, else of a new one. Returns `None` if too many reads wait.
    fn join_or_start(
        self: &Arc<Self>,
        key: &ObjectKey,
        share: &str,
        purpose: Purpose,
        now: Instant,
    ) -> Option<watch::Receiver<Progress>> {
        let mut reads = self.reads();
        if let Some(latest) = reads.latest.get(key).filter(|latest| latest.is_usable(purpose, now)) {
            self.metrics.record_live_read(LiveReadOutcome::Shared);
            return Some(latest.progress.clone());
        }
        reads.sweep(now);
        let (sender, progress) = watch::channel(Progress::Waiting);
        let read = Read { key: key.clone(), progress: sender };
        match reads.turns.request(purpose, share, read, now, Read::is_abandoned) {
            Request::Granted(read) => self.start(read),
            Request::Waiting if reads.is_granting => self.changed.notify_one(),
            Request::Waiting => {
                reads.is_granting = true;
                tokio::spawn(Arc::clone(self).grant_turns());
            }
            Request::Refused => return None,
        }
        reads.latest.insert(key.clone(), LatestRead { purpose, progress: progress.clone() });
        Some(progress)
    }

    /// Grants turns until no read waits.
    async fn grant_turns(self: Arc<Self>) {
        loop {
            let next = {
                let mut reads = self.reads();
                let next = reads.turns.next(Instant::now(), Read::is_abandoned);
                reads.is_granting = !matches!(next, Next::Idle);
                next
            };
            match next {
                Next::Granted(read) => self.start(read),
                Next::At(due) => {
                    // An earlier turn is possible after another request or a finished read.
                    let _ = timeout_at(due, self.changed.notified()).await;
                }
                Next::AfterRelease => self.changed.notified().await,
                Next::Idle => return,
            }
        }
    }

    /// Starts a read that has a turn.
    fn start(self: &Arc<Self>, read: Read) {
        let turn = Turn(Arc::clone(self));
        // Set before the task runs, because advice does not wait for a turn.
        read.progress.send_replace(Progress::Started);
        tokio::spawn(async move {
            let result = turn.0.read_object(&read.key).await;
            read.progress.send_replace(Progress::Done(Instant::now(), result));
        });
    }

    async fn read_object(&self, key: &ObjectKey) -> MetadataReadResult {
        let call = get_metadata(&self.client, &self.large_reads, key);
        let result = call_with_timeout(self.timeout, call)
            .await
            .map(|metadata| metadata.map(Arc::new))
            .map_err(|error| failed(key, &error.to_string()));
        self.metrics.record_live_read(match result {
            Ok(Some(_)) => LiveReadOutcome::Found,
            Ok(None) => LiveReadOutcome::Absent,
            Err(_) => LiveReadOutcome::Failed,
        });
        result
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A read's turn. Dropping it lets the next read start.
struct Turn(Arc<Inner>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.reads().turns.release();
        self.0.changed.notify_one();
    }
}

/// Waits for the result. Returns `None` if the read ended without one.
async fn result(progress: &mut watch::Receiver<Progress>) -> Option<MetadataReadResult> {
    match &*progress.wait_for(|progress| matches!(progress, Progress::Done(..))).await.ok()? {
        Progress::Done(_, result) => Some(result.clone()),
        Progress::Waiting | Progress::Started => None,
    }
}

fn failed(key: &ObjectKey, cause: &str) -> ReadError {
    ReadError::Failed { key: key.clone(), cause: cause.into() }
}

/// Reads an object's metadata; `None` if the object does not exist.
async fn get_metadata(
    client: &Client,
    large_reads: &Semaphore,
    key: &ObjectKey,
) -> kube::Result<Option<ObjectMetadata>> {
    let path = match key.kind {
        ObjectKind::ServiceAccount => ServiceAccount::url_path(&(), Some(&key.namespace)),
        ObjectKind::Namespace => Namespace::url_path(&(), None),
    };
    let request = kube::core::Request::new(path).get_metadata(&key.name, &GetParams::default());
    let mut body = match BoundedBody::request(client, request.map_err(kube::Error::BuildRequest)?).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(None),
        result => result?,
    };
    let mut permit = None;
    if !body.read(MAX_SMALL_BYTES).await? {
        permit = large_reads.acquire().await.ok();
        if !body.read(MAX_OBJECT_BYTES).await? {
            return Ok(Some(ObjectMetadata::too_large(MAX_OBJECT_BYTES)));
        }
    }
    let object = serde_json::from_slice::<WatchedObject>(body.text());
    drop((body, permit));
    object.map(|mut object| Some(object.metadata.take_relevant())).map_err(kube::Error::SerdeError)
}
