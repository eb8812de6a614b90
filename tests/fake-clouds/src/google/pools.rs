//! Workload identity pools and their providers, which the configuration and the IAM API make.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::provider::Provider;
use crate::config;
use crate::error::ConfigError;

/// All pools, by `projects/NUMBER/locations/global/workloadIdentityPools/POOL`.
#[derive(Debug)]
pub(crate) struct Pools {
    pools: Mutex<BTreeMap<String, Pool>>,
}

/// A pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool {
    pub(crate) labels: Labels,
    pub(crate) disabled: bool,
    pub(crate) deleted: bool,
    /// The providers, by ID.
    pub(crate) providers: BTreeMap<String, PoolProvider>,
}

/// A provider of a pool. `None` as the provider never occurs for one that exists.
#[derive(Debug, Clone)]
pub(crate) struct PoolProvider {
    pub(crate) provider: Arc<Provider>,
    pub(crate) labels: Labels,
    pub(crate) deleted: bool,
}

/// Description of a resource for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) display_name: String,
    pub(crate) description: String,
}

impl Pools {
    /// Makes the pools of the configured providers.
    pub(crate) fn new(providers: &[config::Provider]) -> Result<Self, ConfigError> {
        let mut pools = BTreeMap::<String, Pool>::new();
        for config in providers {
            let provider = Provider::new(config)?;
            let Some((pool, id)) = config.name.split_once("/providers/") else { continue };
            let entry =
                PoolProvider { provider: Arc::new(provider), labels: Labels::default(), deleted: false };
            pools.entry(pool.to_owned()).or_default().providers.insert(id.to_owned(), entry);
        }
        Ok(Self { pools: Mutex::new(pools) })
    }

    /// Locks the pools for a change.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the provider with this audience, unless it or its pool is disabled or deleted.
    pub(crate) fn active_provider(&self, audience: &str) -> Option<Arc<Provider>> {
        let pools = self.lock();
        let active = pools.values().filter(|pool| !pool.disabled && !pool.deleted);
        let mut providers = active.flat_map(|pool| pool.providers.values()).filter(|found| !found.deleted);
        let found = providers.find(|found| found.provider.audience == audience)?;
        (!found.provider.config.disabled).then(|| Arc::clone(&found.provider))
    }

    /// Returns true if a pool exists, by `//iam.googleapis.com/projects/…`.
    pub(crate) fn exists(&self, full_name: &str) -> bool {
        let name = full_name.trim_start_matches("//").split_once('/').map_or("", |(_, name)| name);
        self.lock().get(name).is_some_and(|pool| !pool.deleted)
    }
}
