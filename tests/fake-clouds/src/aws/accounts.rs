//! Accounts and roles of IAM.

use std::collections::HashMap;
use std::sync::Arc;

use super::policy::PolicyDocument;
use crate::error::ConfigError;
use crate::{config, secret};

/// An AWS account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) partition: String,
    pub(super) sts_activated: bool,
    pub(super) outbound_issuer: Option<String>,
    pub(super) oidc_providers: Vec<config::OidcProvider>,
    pub(super) roles: HashMap<String, Arc<Role>>,
}

/// A role with its parsed policies.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) arn: String,
    /// The unique ID, `AROA…`.
    pub(super) id: String,
    pub(super) account: String,
    pub(super) partition: String,
    pub(super) trust: PolicyDocument,
    pub(super) policies: Vec<PolicyDocument>,
    pub(super) max_session_seconds: i64,
    pub(super) session_seconds: Option<i64>,
}

impl Account {
    pub(super) fn new(config: &config::Account) -> Result<Self, ConfigError> {
        let location = format!("the AWS account {}", config.id);
        if config.id.len() != 12 || !config.id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ConfigError::new(location, "expected an ID of twelve digits"));
        }
        if config.partition.parse::<rolebridge_core::aws::Partition>().is_err() {
            return Err(ConfigError::new(
                location,
                format!("expected an AWS partition, found `{}`", config.partition),
            ));
        }
        let roles =
            config.roles.iter().map(|role| Ok((role.name.clone(), Arc::new(Role::new(role, config)?))));
        Ok(Self {
            id: config.id.clone(),
            partition: config.partition.clone(),
            sts_activated: config.sts_activated,
            outbound_issuer: config.outbound_issuer.clone(),
            oidc_providers: config.oidc_providers.clone(),
            roles: roles.collect::<Result<_, ConfigError>>()?,
        })
    }

    /// Returns the ARN of an issuer's OIDC provider.
    pub(super) fn provider_arn(&self, issuer: &str) -> String {
        let name = issuer.strip_prefix("https://").unwrap_or(issuer);
        format!("arn:{}:iam::{}:oidc-provider/{name}", self.partition, self.id)
    }
}

impl Role {
    fn new(config: &config::Role, account: &config::Account) -> Result<Self, ConfigError> {
        let arn = format!("arn:{}:iam::{}:role{}{}", account.partition, account.id, config.path, config.name);
        let location = format!("the role {arn}");
        if !config.path.starts_with('/') || !config.path.ends_with('/') {
            return Err(ConfigError::new(
                location,
                format!("expected a path that begins and ends with `/`, found `{}`", config.path),
            ));
        }
        if !(3600..=43200).contains(&config.max_session_seconds) {
            return Err(ConfigError::new(
                location,
                format!(
                    "maxSessionSeconds: expected a number from 3600 to 43200, found {}",
                    config.max_session_seconds
                ),
            ));
        }
        let invalid = |problem: String| ConfigError::new(&location, problem);
        let trust = PolicyDocument::trust(&config.trust_policy)
            .map_err(|error| invalid(format!("invalid trust policy: {error}")))?;
        let policies = config.policies.iter().map(PolicyDocument::identity).collect::<Result<_, _>>();
        Ok(Self {
            name: config.name.clone(),
            id: format!("AROA{}", secret::unique_id(17)),
            account: account.id.clone(),
            partition: account.partition.clone(),
            trust,
            policies: policies.map_err(|error| invalid(format!("invalid policy: {error}")))?,
            max_session_seconds: config.max_session_seconds,
            session_seconds: config.session_seconds,
            arn,
        })
    }
}
