//! Reads a service account or a namespace from the API server, before a denial that fresher metadata could avoid.
//!
//! A controller retries a denied pod again and again, so reads are shared: one in flight for each object. The result
//! (found, absent or failed) stays valid for a moment, and a rate limit protects the API server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::{Api, Client};
use rolebridge_inject::ObjectMetadata;
use tokio::time::{Instant, sleep};

use crate::api_call::call_with_timeout;
use crate::metadata::reflector::strip_irrelevant;
use crate::metrics::{LiveReadOutcome, Metrics};
use crate::object_kind::ObjectKind;
use crate::rate_limit::TokenBucket;

/// Time for which a result is reused.
pub const RESULT_TTL: Duration = Duration::from_secs(1);
/// Sustained rate of reads a second.
const RATE: u32 = 50;
/// Number of reads in a burst.
const BURST: u32 = 100;

/// Kind, namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    kind: ObjectKind,
    namespace: Box<str>,
    name: Box<str>,
}

impl ObjectKey {
    /// Creates a key. The namespace is empty for a namespace.
    #[must_use]
    pub fn new(kind: ObjectKind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Returns whether an object can have this name. The name comes from an unvalidated pod and would become part of a
    /// URL.
    fn is_valid(&self) -> bool {
        let allowed = |text: &str| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        };
        let name = !self.name.is_empty() && self.name.len() <= 253 && !self.name.starts_with('.');
        name && allowed(&self.name) && allowed(&self.namespace) && !self.namespace.starts_with('.')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ObjectKind::ServiceAccount => write!(f, "service account {}/{}", self.namespace, self.name),
            ObjectKind::Namespace => write!(f, "namespace {}", self.name),
        }
    }
}

/// A failed read: it is unknown whether the object exists.
#[derive(Debug, Clone, thiserror::Error)]
#[error("Failed to read {key} from the Kubernetes API: {cause}. Fix: try again.")]
pub struct ReadError {
    key: ObjectKey,
    cause: Arc<str>,
}

/// The object's metadata; `None` if the object does not exist.
type MetadataReadResult = Result<Option<Arc<ObjectMetadata>>, ReadError>;

/// A read in progress or completed. Each waiting caller polls the shared future.
#[derive(Clone)]
struct InFlightRead {
    started: Instant,
    /// Time of completion, and the result.
    result: Shared<BoxFuture<'static, (Instant, MetadataReadResult)>>,
}

impl InFlightRead {
    /// Returns whether another caller may use this read. A read that every caller abandoned makes no progress, so it
    /// expires after `timeout`.
    fn is_usable(&self, now: Instant, timeout: Duration) -> bool {
        match self.result.peek() {
            Some((completed, _)) => now.duration_since(*completed) < RESULT_TTL,
            None => now.duration_since(self.started) < timeout,
        }
    }
}

/// Reader of object metadata that bypasses the caches.
pub struct MetadataReader {
    client: Client,
    metrics: Arc<Metrics>,
    /// Deadline of a read, including the wait for the rate limiter.
    timeout: Duration,
    limiter: Mutex<TokenBucket>,
    reads: Mutex<HashMap<ObjectKey, InFlightRead>>,
}

impl fmt::Debug for MetadataReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataReader").field("limiter", &self.limiter).finish_non_exhaustive()
    }
}

impl MetadataReader {
    /// Creates a reader. Each read takes at most `timeout`.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>, timeout: Duration) -> Self {
        let limiter = Mutex::new(TokenBucket::new(RATE, BURST, Instant::now()));
        Self { client, metrics, timeout, limiter, reads: Mutex::default() }
    }

    /// Returns the object's metadata as of at most [`RESULT_TTL`] ago; `None` if the object does not exist.
    ///
    /// # Errors
    ///
    /// Returns an error if the read fails, times out, or exceeds the rate limit.
    pub async fn read(&self, key: ObjectKey) -> MetadataReadResult {
        if !key.is_valid() {
            return Ok(None);
        }
        let (_, result) = self.shared_read(key).result.await;
        result
    }

    /// Returns the read in progress or a recent one, else starts a read.
    fn shared_read(&self, key: ObjectKey) -> InFlightRead {
        let now = Instant::now();
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = reads.get(&key).filter(|read| read.is_usable(now, self.timeout)) {
            self.metrics.record_live_read(LiveReadOutcome::Shared);
            return read.clone();
        }
        reads.retain(|_, read| read.is_usable(now, self.timeout));
        let wait =
            self.limiter.lock().unwrap_or_else(PoisonError::into_inner).try_acquire(now, self.timeout / 2);
        let result =
            read_object(self.client.clone(), key.clone(), wait, self.timeout, Arc::clone(&self.metrics));
        let read = InFlightRead { started: now, result: result.boxed().shared() };
        reads.insert(key, read.clone());
        read
    }
}

/// Reads an object after `wait`; fails if the rate limiter granted no read.
async fn read_object(
    client: Client,
    key: ObjectKey,
    wait: Option<Duration>,
    timeout: Duration,
    metrics: Arc<Metrics>,
) -> (Instant, MetadataReadResult) {
    let result = match wait {
        Some(wait) => {
            let call = async {
                sleep(wait).await;
                get_metadata(client, &key).await
            };
            call_with_timeout(timeout, call).await.map_err(|error| error.to_string())
        }
        None => Err("too many reads at the moment".to_owned()),
    };
    let result = result
        .map(|metadata| metadata.map(|metadata| Arc::new(strip_irrelevant(&metadata))))
        .map_err(|cause| ReadError { key, cause: cause.into() });
    metrics.record_live_read(match result {
        Ok(Some(_)) => LiveReadOutcome::Found,
        Ok(None) => LiveReadOutcome::Absent,
        Err(_) => LiveReadOutcome::Failed,
    });
    (Instant::now(), result)
}

async fn get_metadata(client: Client, key: &ObjectKey) -> kube::Result<Option<ObjectMeta>> {
    match key.kind {
        ObjectKind::ServiceAccount => {
            let api: Api<PartialObjectMeta<ServiceAccount>> = Api::namespaced(client, &key.namespace);
            Ok(api.get_metadata_opt(&key.name).await?.map(|object| object.metadata))
        }
        ObjectKind::Namespace => {
            let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
            Ok(api.get_metadata_opt(&key.name).await?.map(|object| object.metadata))
        }
    }
}
