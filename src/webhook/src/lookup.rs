//! What a pod is judged by beside itself: its service account and its namespace, from the caches or read live.

use std::sync::Arc;

use rolebridge_inject::{Context, Defaults, ObjectMetadata};

use crate::cache::{Cache, Sight};
use crate::live::{Live, LiveError, Object};

/// A kind of object that pods are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A service account, in a namespace.
    ServiceAccount,
    /// A namespace; it lies in none.
    Namespace,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ServiceAccount, Self::Namespace];

    /// As logs and metrics call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::Namespace => "namespace",
        }
    }
}

/// What is known about a pod's surroundings. `None` where there is no such object.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Of its service account.
    pub service_account: Option<Arc<ObjectMetadata>>,
    /// Of its namespace.
    pub namespace: Option<Arc<ObjectMetadata>>,
}

impl Surroundings {
    /// As the decision takes it.
    #[must_use]
    pub fn context<'a>(&'a self, namespace: &'a str, defaults: &'a Defaults) -> Context<'a> {
        Context {
            namespace,
            service_account: self.service_account.as_deref(),
            namespace_metadata: self.namespace.as_deref(),
            defaults,
        }
    }
}

/// Finds a pod's surroundings.
#[derive(Debug)]
pub struct Lookup {
    service_accounts: Arc<Cache>,
    namespaces: Arc<Cache>,
    live: Live,
}

impl Lookup {
    /// Looks into empty caches, which something else fills, and reads live.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { service_accounts: Arc::default(), namespaces: Arc::default(), live }
    }

    /// The cache of one kind.
    #[must_use]
    pub const fn cache(&self, kind: Kind) -> &Arc<Cache> {
        match kind {
            Kind::ServiceAccount => &self.service_accounts,
            Kind::Namespace => &self.namespaces,
        }
    }

    /// Whether the caches know all there is.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        Kind::ALL.into_iter().all(|kind| self.cache(kind).is_synced())
    }

    /// From the caches. `None` where they have not seen one of the two, perhaps only yet: what it says must be read.
    #[must_use]
    pub fn cached(&self, namespace: &str, service_account: &str) -> Option<Surroundings> {
        let Sight::Seen(account) = self.service_accounts.find(namespace, service_account) else {
            return None;
        };
        let Sight::Seen(metadata) = self.namespaces.find("", namespace) else { return None };
        Some(Surroundings { service_account: Some(account), namespace: Some(metadata) })
    }

    /// From the API server.
    ///
    /// # Errors
    ///
    /// It does not answer, or not in time.
    pub async fn live(&self, namespace: &str, service_account: &str) -> Result<Surroundings, LiveError> {
        let account = Object::new(Kind::ServiceAccount, namespace, service_account);
        let (service_account, namespace) = tokio::join!(
            self.live.read(account),
            self.live.read(Object::new(Kind::Namespace, "", namespace))
        );
        Ok(Surroundings { service_account: service_account?, namespace: namespace? })
    }
}
