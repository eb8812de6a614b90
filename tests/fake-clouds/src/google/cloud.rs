//! The fake Google: its providers, service accounts, buckets, projects and tokens.

use std::sync::Arc;

use super::bigquery::BigQuery;
use super::iam_credentials::service_accounts::ServiceAccounts;
use super::provider::Provider;
use super::storage::buckets::Storage;
use super::tokens::TokenStore;
use crate::config;
use crate::error::ConfigError;
use crate::oidc::Issuers;

/// The fake Google.
#[derive(Debug)]
pub(crate) struct Google {
    pub(super) universe: String,
    pub(super) issuers: Arc<Issuers>,
    pub(super) providers: Vec<Provider>,
    pub(super) service_accounts: ServiceAccounts,
    pub(super) storage: Storage,
    pub(super) bigquery: BigQuery,
    pub(super) tokens: TokenStore,
}

impl Google {
    pub(crate) fn new(config: &config::Google, issuers: Arc<Issuers>) -> Result<Self, ConfigError> {
        let universe = config.universe.clone();
        let providers = config.providers.iter().map(|provider| Provider::new(provider, &universe));
        Ok(Self {
            providers: providers.collect::<Result<_, _>>()?,
            service_accounts: ServiceAccounts::new(&config.service_accounts)?,
            storage: Storage::new(&config.buckets)?,
            bigquery: BigQuery::new(&config.projects)?,
            tokens: TokenStore::default(),
            universe,
            issuers,
        })
    }
}
