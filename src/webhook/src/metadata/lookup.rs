//! Looks up the service account and the namespace of a pod, in the caches or live.

use std::sync::Arc;

use rolebridge_inject::{Context, Defaults, ObjectMetadata};

use crate::metadata::cache::{Cache, CacheLookup};
use crate::metadata::reader::{MetadataReader, ObjectKey, ReadError};
use crate::object_kind::ObjectKind;

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
        Self { service_accounts: Arc::default(), namespaces: Arc::default(), reader }
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

    /// Looks in the caches. Returns `None` if one of the two objects is not cached (yet) and must be read live.
    #[must_use]
    pub fn cached(&self, namespace: &str, service_account: &str) -> Option<PodMetadata> {
        let CacheLookup::Hit(account) = self.service_accounts.find(namespace, service_account) else {
            return None;
        };
        let CacheLookup::Hit(metadata) = self.namespaces.find("", namespace) else { return None };
        Some(PodMetadata { service_account: Some(account), namespace: Some(metadata) })
    }

    /// Reads from the API server.
    ///
    /// # Errors
    ///
    /// Returns an error if a read fails or times out.
    pub async fn live(&self, namespace: &str, service_account: &str) -> Result<PodMetadata, ReadError> {
        let account = ObjectKey::new(ObjectKind::ServiceAccount, namespace, service_account);
        let (service_account, namespace) = tokio::join!(
            self.reader.read(account),
            self.reader.read(ObjectKey::new(ObjectKind::Namespace, "", namespace))
        );
        Ok(PodMetadata { service_account: service_account?, namespace: namespace? })
    }
}
