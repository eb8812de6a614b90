//! Reads a service account or a namespace from the API server, before a refusal that a fresher one could turn.
//!
//! A pod that keeps being refused is tried again and again, so reads are shared: one in flight for each object, its
//! answer (found, absent or failed) good for a moment, and all together no faster than the API server should bear.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::core::PartialObjectMeta;
use kube::{Api, Client};
use rolebridge_inject::ObjectMetadata;
use tokio::time::{Instant, sleep, timeout};

use crate::cause::cause;
use crate::lookup::Kind;
use crate::metrics::{LiveOutcome, Metrics};
use crate::rate::Bucket;
use crate::watch::trimmed;

/// How long an answer is good for.
pub const FRESH: Duration = Duration::from_secs(1);
/// Reads a second in the long run.
const RATE: u32 = 50;
/// Reads at once.
const BURST: u32 = 100;

/// An object to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    kind: Kind,
    namespace: Box<str>,
    name: Box<str>,
}

impl Object {
    /// By kind, namespace (empty for a namespace) and name.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }

    /// Whether an object can have this name at all. The name comes from a pod that nobody has checked yet, and would
    /// become part of a URL.
    fn can_exist(&self) -> bool {
        let part = |text: &str| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        };
        let name = !self.name.is_empty() && self.name.len() <= 253 && !self.name.starts_with('.');
        name && part(&self.name) && part(&self.namespace) && !self.namespace.starts_with('.')
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::ServiceAccount => write!(f, "service account {}/{}", self.namespace, self.name),
            Kind::Namespace => write!(f, "namespace {}", self.name),
        }
    }
}

/// The API server did not say what an object says: nothing is known about it, not even that it does not exist.
#[derive(Debug, Clone, thiserror::Error)]
#[error("The {object} could not be read from the Kubernetes API: {cause}. Try again.")]
pub struct LiveError {
    object: Object,
    cause: Arc<str>,
}

type Answer = Result<Option<Arc<ObjectMetadata>>, LiveError>;

/// A read under way or done: who waits for it drives it.
#[derive(Clone)]
struct Reading {
    begun: Instant,
    /// When the answer came, and the answer.
    answer: Shared<BoxFuture<'static, (Instant, Answer)>>,
}

impl Reading {
    /// Whether one more may wait for it. A read that everyone has left is not driven, and soon no good any more.
    fn is_good(&self, now: Instant, patience: Duration) -> bool {
        match self.answer.peek() {
            Some((at, _)) => now.duration_since(*at) < FRESH,
            None => now.duration_since(self.begun) < patience,
        }
    }
}

/// Reads live.
pub struct Live {
    client: Client,
    metrics: Arc<Metrics>,
    /// How long a read may take, its turn included.
    patience: Duration,
    bucket: Mutex<Bucket>,
    readings: Mutex<HashMap<Object, Reading>>,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

impl Live {
    /// Reads with this client, each time within `patience`.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>, patience: Duration) -> Self {
        let bucket = Mutex::new(Bucket::new(RATE, BURST, Instant::now()));
        Self { client, metrics, patience, bucket, readings: Mutex::default() }
    }

    /// What an object says now, or said within the last moment. `None`: there is no such object.
    ///
    /// # Errors
    ///
    /// The API server does not answer in time, or not what was asked, or it has been asked too much already.
    pub async fn read(&self, object: Object) -> Answer {
        if !object.can_exist() {
            return Ok(None);
        }
        let (_, answer) = self.reading(object).answer.await;
        answer
    }

    /// The reading that is under way or still good, else a new one.
    fn reading(&self, object: Object) -> Reading {
        let now = Instant::now();
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reading) = readings.get(&object).filter(|reading| reading.is_good(now, self.patience)) {
            self.metrics.live_read(LiveOutcome::Shared);
            return reading.clone();
        }
        readings.retain(|_, reading| reading.is_good(now, self.patience));
        let turn = self.bucket.lock().unwrap_or_else(PoisonError::into_inner).turn(now, self.patience / 2);
        let asking = ask(self.client.clone(), object.clone(), turn, self.patience, Arc::clone(&self.metrics));
        let answer = asking.boxed().shared();
        let reading = Reading { begun: now, answer };
        readings.insert(object, reading.clone());
        reading
    }
}

async fn ask(
    client: Client,
    object: Object,
    turn: Option<Duration>,
    patience: Duration,
    metrics: Arc<Metrics>,
) -> (Instant, Answer) {
    let asking = async {
        let Some(turn) = turn else { return Err("it is being asked too much at the moment".into()) };
        sleep(turn).await;
        get(client, &object).await
    };
    let answer = timeout(patience, asking)
        .await
        .unwrap_or_else(|_| Err(format!("it gave no answer within {patience:?}").into()))
        .map_err(|cause| LiveError { object, cause });
    metrics.live_read(match answer {
        Ok(Some(_)) => LiveOutcome::Found,
        Ok(None) => LiveOutcome::Absent,
        Err(_) => LiveOutcome::Failed,
    });
    (Instant::now(), answer)
}

async fn get(client: Client, object: &Object) -> Result<Option<Arc<ObjectMetadata>>, Arc<str>> {
    let metadata = match object.kind {
        Kind::ServiceAccount => {
            let api: Api<PartialObjectMeta<ServiceAccount>> = Api::namespaced(client, &object.namespace);
            api.get_metadata_opt(&object.name).await.map(|found| found.map(|found| found.metadata))
        }
        Kind::Namespace => {
            let api: Api<PartialObjectMeta<Namespace>> = Api::all(client);
            api.get_metadata_opt(&object.name).await.map(|found| found.map(|found| found.metadata))
        }
    };
    let metadata = metadata.map_err(|error| cause(&error))?;
    Ok(metadata.map(|metadata| Arc::new(trimmed(&metadata))))
}
