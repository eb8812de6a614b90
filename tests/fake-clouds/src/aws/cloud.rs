//! The fake AWS: its accounts, sessions and EKS Pod Identity.

use std::collections::HashMap;
use std::sync::Arc;

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
    pub(super) accounts: HashMap<String, Account>,
    pub(super) pod_identity: Option<PodIdentity>,
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
        let accounts = config.accounts.iter().map(|account| Ok((account.id.clone(), Account::new(account)?)));
        Ok(Self {
            issuers,
            accounts: accounts.collect::<Result<_, ConfigError>>()?,
            pod_identity: config.pod_identity.as_ref().map(PodIdentity::new).transpose()?,
            sessions: Sessions::default(),
            signature_minutes: config.signature_minutes,
        })
    }
}
