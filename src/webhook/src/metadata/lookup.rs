//! Looks up the service account and the namespace of a pod, in the caches or live.
//!
//! A watch usually delivers a change within milliseconds, so a cached object is very likely current, and most decisions
//! read nothing. The exceptions depend on what the caches lack:
//!
//! - An *unseen* object is new or does not exist. A decision that depends on it needs a read: `kubectl apply` creates a
//!   service account and its pod in one go. Only such a pod can be denied because a read failed or got no turn.
//! - A *cached* object may have changed in the last moment, also in one go with the pod, and the age of the cached version
//!   says nothing about that. So a denial or a skip that a newer version could change is confirmed by a read, if a turn is
//!   free. Each object is read once in [`RESULT_TTL`](super::reader::RESULT_TTL) at most, and all of them get a tenth of
//!   the rate. Otherwise, or if the read fails, the decision from the cached object is used. A controller creates a denied
//!   pod again, when the watch has delivered the change. Any number of pods without a role may be skipped meanwhile.
//! - An injection is never confirmed: the pod gets the settings that its service account had a moment ago.

use std::sync::Arc;

use futures::future::OptionFuture;
use rolebridge_inject::{Context, Defaults, MetadataDependency, ObjectMetadata};

use crate::metadata::cache::{Cache, CacheLookup, MAX_NAMESPACE_STORE_BYTES, MAX_STORE_BYTES};
use crate::metadata::object_key::ObjectKey;
use crate::metadata::reader::{MetadataReader, ReadError};
use crate::metadata::turns::Purpose;
use crate::object_kind::ObjectKind;

/// Share of the turns that all namespaces have together which the watch has not delivered. A client that is not an API server
/// can invent any number of them.
const UNSEEN_NAMESPACES: &str = "";

/// Metadata of a pod's service account and namespace; `None` if the object does not exist.
#[derive(Debug, Clone, Default)]
pub struct PodMetadata {
    /// Metadata of the service account.
    pub service_account: Option<Arc<ObjectMetadata>>,
    /// Metadata of the namespace.
    pub namespace: Option<Arc<ObjectMetadata>>,
}

impl PodMetadata {
    /// Returns the context that the admission decision needs.
    #[must_use]
    pub fn admission_context<'a>(&'a self, namespace: &'a str, defaults: &'a Defaults) -> Context<'a> {
        Context {
            namespace,
            service_account: self.service_account.as_deref(),
            namespace_metadata: self.namespace.as_deref(),
            defaults,
        }
    }
}

/// A decision, and the reads that could change it.
#[derive(Debug)]
pub struct Verdict<T> {
    /// The decision.
    pub decision: T,
    /// The objects that must be read if they are unseen.
    pub requires: MetadataDependency,
    /// The objects that are worth a read if they are cached.
    pub confirmed_by: MetadataDependency,
}

/// The service account and the namespace of a pod, by name.
#[derive(Debug, Clone, Copy)]
pub struct PodObjects<'a> {
    /// Name of the namespace.
    pub namespace: &'a str,
    /// Name of the service account.
    pub service_account: &'a str,
}

/// The user of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A pod, which is denied if an unseen object cannot be read.
    Pod,
    /// A workload, which only gets advice.
    Workload,
}

/// State of an object during a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The watch has not delivered the object.
    Unseen,
    /// The object is cached.
    Cached,
    /// The object was read, or there was no turn to confirm it.
    Final,
}

/// Lookup of the context of pods.
#[derive(Debug)]
pub struct MetadataLookup {
    service_accounts: Arc<Cache>,
    namespaces: Arc<Cache>,
    reader: MetadataReader,
}

impl MetadataLookup {
    /// Creates a lookup with empty caches, which reflectors fill.
    #[must_use]
    pub fn new(reader: MetadataReader) -> Self {
        let cache = |limit| Arc::new(Cache::with_limit(limit));
        let (service_accounts, namespaces) = (cache(MAX_STORE_BYTES), cache(MAX_NAMESPACE_STORE_BYTES));
        Self { service_accounts, namespaces, reader }
    }

    /// Returns the cache of one kind.
    #[must_use]
    pub const fn cache(&self, kind: ObjectKind) -> &Arc<Cache> {
        match kind {
            ObjectKind::ServiceAccount => &self.service_accounts,
            ObjectKind::Namespace => &self.namespaces,
        }
    }

    /// Returns whether all objects of every kind have been listed once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        ObjectKind::ALL.into_iter().all(|kind| self.cache(kind).is_synced())
    }

    /// Decides from the caches, and again after each read that could change the decision.
    ///
    /// `wait` is called before the first read. It returns what the review holds while it waits, or `None` if it must not
    /// wait. It then gets no read, as if no turn was free.
    ///
    /// # Errors
    ///
    /// Returns an error if an unseen object is required and cannot be read in time.
    pub async fn decide<T, W>(
        &self,
        subject: Subject,
        objects: PodObjects<'_>,
        wait: impl FnOnce() -> Option<W>,
        decide: impl Fn(&PodMetadata) -> Verdict<T>,
    ) -> Result<T, ReadError> {
        let mut wait = Some(wait);
        let mut waiting = None;
        let deadline = self.reader.deadline();
        let account = self.service_accounts.find(objects.namespace, objects.service_account);
        let (service_account, mut account_source) = found(account);
        let (namespace, mut namespace_source) = found(self.namespaces.find("", objects.namespace));
        let share = if namespace_source == Source::Cached { objects.namespace } else { UNSEEN_NAMESPACES };
        let mut metadata = PodMetadata { service_account, namespace };
        loop {
            let verdict = decide(&metadata);
            let Some((source, needed)) = next_reads(&verdict, account_source, namespace_source) else {
                return Ok(verdict.decision);
            };
            let purpose = match (subject, source) {
                (Subject::Workload, _) => Purpose::Advice,
                (Subject::Pod, Source::Unseen) => Purpose::Unseen,
                (Subject::Pod, _) => Purpose::Confirmation,
            };
            if let Some(wait) = wait.take() {
                waiting = wait();
            }
            let may_wait = waiting.is_some();
            let read = async |key: ObjectKey| {
                if may_wait {
                    self.reader.read(key, share, purpose, deadline).await
                } else {
                    self.reader.refuse(key, purpose)
                }
            };
            let account = ObjectKey::service_account(objects.namespace, objects.service_account);
            let namespace = ObjectKey::namespace(objects.namespace);
            let (account, namespace) = tokio::join!(
                OptionFuture::from(needed.service_account.then(|| read(account))),
                OptionFuture::from(needed.namespace.then(|| read(namespace))),
            );
            if let Some(result) = account {
                accept(result, &mut account_source, &mut metadata.service_account)?;
            }
            if let Some(result) = namespace {
                accept(result, &mut namespace_source, &mut metadata.namespace)?;
            }
        }
    }
}

/// Replaces the metadata with a read's result. A cached object is kept if its read failed.
fn accept(
    result: Result<Option<Arc<ObjectMetadata>>, ReadError>,
    source: &mut Source,
    metadata: &mut Option<Arc<ObjectMetadata>>,
) -> Result<(), ReadError> {
    match result {
        Ok(read) => *metadata = read,
        Err(error) if *source == Source::Unseen => return Err(error),
        Err(_) => {}
    }
    *source = Source::Final;
    Ok(())
}

fn found(lookup: CacheLookup) -> (Option<Arc<ObjectMetadata>>, Source) {
    match lookup {
        CacheLookup::Hit(metadata) => (Some(metadata), Source::Cached),
        CacheLookup::Miss => (None, Source::Unseen),
    }
}

/// Returns the objects to read next, which are all unseen or all cached: the unseen ones that are required, else the cached
/// ones that could change the decision.
fn next_reads<T>(
    verdict: &Verdict<T>,
    account: Source,
    namespace: Source,
) -> Option<(Source, MetadataDependency)> {
    let candidates = [(Source::Unseen, verdict.requires), (Source::Cached, verdict.confirmed_by)];
    candidates.into_iter().find_map(|(source, objects)| {
        let needed = MetadataDependency {
            service_account: objects.service_account && account == source,
            namespace: objects.namespace && namespace == source,
        };
        needed.any().then_some((source, needed))
    })
}
