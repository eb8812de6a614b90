//! The fake Google: its providers, service accounts, buckets, projects, services and tokens.

use std::sync::Arc;

use super::admin::Admin;
use super::bigquery::BigQuery;
use super::cloud_run::RunServices;
use super::iam_credentials::service_accounts::ServiceAccounts;
use super::iap::IapApplications;
use super::pools::Pools;
use super::principal::Principal;
use super::storage::buckets::Storage;
use super::tokens::{CLOUD_PLATFORM, TokenGrant, TokenStore};
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::oidc::Issuers;
use crate::rate_limit::RateLimit;

/// The fake Google.
#[derive(Debug)]
pub(crate) struct Google {
    pub(super) issuers: Arc<Issuers>,
    pub(super) pools: Pools,
    pub(super) service_accounts: ServiceAccounts,
    pub(super) storage: Storage,
    pub(super) bigquery: BigQuery,
    pub(super) run_services: RunServices,
    pub(super) iap_applications: IapApplications,
    pub(super) tokens: TokenStore,
    pub(super) admin: Admin,
    pub(super) exchange_quota: RateLimit,
}

impl Google {
    pub(crate) fn new(config: &config::Google, issuers: Arc<Issuers>) -> Result<Self, ConfigError> {
        if let Some(allowed) = &config.allowed_identity_providers {
            config.providers.iter().try_for_each(|provider| check_organization_policy(provider, allowed))?;
        }
        Ok(Self {
            pools: Pools::new(&config.providers)?,
            service_accounts: ServiceAccounts::new(&config.service_accounts)?,
            storage: Storage::new(&config.buckets)?,
            bigquery: BigQuery::new(&config.projects)?,
            run_services: RunServices::new(&config.run_services)?,
            iap_applications: IapApplications::new(&config.iap_applications)?,
            tokens: operator_tokens(&config.operators),
            admin: Admin::default(),
            exchange_quota: RateLimit::new(config.exchanges_per_minute, 60),
            issuers,
        })
    }
}

/// Returns a store with the tokens of the operators.
fn operator_tokens(operators: &[config::Operator]) -> TokenStore {
    let tokens = TokenStore::default();
    for operator in operators {
        let principal = Principal::User { email: operator.email.clone() };
        let scopes = vec![CLOUD_PLATFORM.to_owned()];
        tokens.add(operator.token.clone(), TokenGrant { principal, scopes, expires: Timestamp(i64::MAX) });
    }
    tokens
}

/// The URI of AWS in the organization policy.
const AWS_URI: &str = "https://sts.amazonaws.com";

/// Checks that an organization allows a provider, as Google does when it is created.
///
/// Source: `constraints/iam.workloadIdentityPoolProviders`, "Manage workload identity pools and providers", and users'
/// reports of the message.
fn check_organization_policy(provider: &config::Provider, allowed: &[String]) -> Result<(), ConfigError> {
    let uri = provider.oidc.as_ref().map_or(AWS_URI, |oidc| oidc.issuer.as_str());
    if allowed.iter().any(|allowed| allowed == uri) {
        return Ok(());
    }
    let location = format!("the provider {}", provider.name);
    Err(ConfigError::new(location, format!("FAILED_PRECONDITION: Org Policy violated for value: '{uri}'.")))
}
