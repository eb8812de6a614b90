//! The fake AWS: its accounts, sessions and EKS Pod Identity.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::accounts::Account;
use super::pod_identity::cluster::PodIdentity;
use super::sessions::Sessions;
use crate::config;
use crate::error::ConfigError;
use crate::oidc::Issuers;

/// The version of the STS API.
pub(super) const VERSION: &str = "2011-06-15";

/// The fake AWS.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(super) issuers: Arc<Issuers>,
    accounts: RwLock<HashMap<String, Arc<Account>>>,
    pod_identity: RwLock<Option<Arc<PodIdentity>>>,
    pub(super) sessions: Sessions,
    pub(super) signature_minutes: i64,
}

impl Aws {
    pub(crate) fn new(config: &config::Aws, issuers: Arc<Issuers>) -> Result<Self, ConfigError> {
        if !(1..=15).contains(&config.signature_minutes) {
            return Err(ConfigError::new(
                "aws.signatureMinutes",
                format!("expected a number from 1 to 15, found {}", config.signature_minutes),
            ));
        }
        let accounts =
            config.accounts.iter().map(|account| Ok((account.id.clone(), Arc::new(Account::new(account)?))));
        Ok(Self {
            issuers,
            accounts: RwLock::new(accounts.collect::<Result<_, ConfigError>>()?),
            pod_identity: RwLock::new(pod_identity(config.pod_identity.as_ref())?),
            sessions: Sessions::default(),
            signature_minutes: config.signature_minutes,
        })
    }

    /// Returns an account.
    pub(super) fn account(&self, id: &str) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Adds an account, or replaces it. Sessions of its roles remain.
    pub(crate) fn set_account(&self, account: &config::Account) -> Result<(), ConfigError> {
        let account = Arc::new(Account::new(account)?);
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        accounts.insert(account.id.clone(), account);
        Ok(())
    }

    /// Returns EKS Pod Identity, if the cluster has it.
    pub(super) fn pod_identity(&self) -> Option<Arc<PodIdentity>> {
        self.pod_identity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces EKS Pod Identity. The agent's cache is empty then.
    pub(crate) fn set_pod_identity(&self, config: Option<&config::PodIdentity>) -> Result<(), ConfigError> {
        let pod_identity = pod_identity(config)?;
        *self.pod_identity.write().unwrap_or_else(PoisonError::into_inner) = pod_identity;
        Ok(())
    }
}

fn pod_identity(config: Option<&config::PodIdentity>) -> Result<Option<Arc<PodIdentity>>, ConfigError> {
    config.map(|config| PodIdentity::new(config).map(Arc::new)).transpose()
}
