//! Service accounts and their delegation chains.

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::json;

use crate::error::ConfigError;
use crate::google::error::ApiError;
use crate::google::principal::Principal;
use crate::google::resource_policy::ResourcePolicy;
use crate::oidc::AccountKey;
use crate::{config, secret};

/// The permission that a caller needs on each delegate.
const DELEGATE: &str = "iam.serviceAccounts.implicitDelegation";

/// The service accounts and their policies.
#[derive(Debug)]
pub(crate) struct ServiceAccounts(RwLock<Vec<Arc<ServiceAccount>>>);

#[derive(Debug)]
pub(in crate::google) struct ServiceAccount {
    pub(in crate::google) email: String,
    /// The unique ID, 21 digits.
    pub(in crate::google) unique_id: String,
    pub(in crate::google) policy: ResourcePolicy,
    /// The key that the system manages.
    pub(in crate::google) key: AccountKey,
    pub(super) max_token_seconds: i64,
    pub(super) token_seconds: Option<i64>,
}

impl ServiceAccounts {
    pub(crate) fn new(config: &[config::ServiceAccount]) -> Result<Self, ConfigError> {
        let accounts = config.iter().enumerate().map(|(number, account)| {
            let location = format!("the service account {}", account.email);
            if !(3600..=43200).contains(&account.max_token_seconds) {
                return Err(ConfigError::new(
                    location,
                    format!(
                        "maxTokenSeconds: expected a number from 3600 to 43200, found {}",
                        account.max_token_seconds
                    ),
                ));
            }
            let key = AccountKey::of_account(number)
                .ok_or_else(|| ConfigError::new(&location, "failed to read its key"))?;
            Ok(Arc::new(ServiceAccount {
                email: account.email.clone(),
                unique_id: format!("1{}", secret::digits(20)),
                policy: ResourcePolicy::new(&location, &account.bindings)?,
                key,
                max_token_seconds: account.max_token_seconds,
                token_seconds: account.token_seconds,
            }))
        });
        accounts.collect::<Result<_, _>>().map(RwLock::new).map(Self)
    }

    pub(crate) fn contains(&self, email: &str) -> bool {
        self.find(email).is_some()
    }

    pub(in crate::google) fn find(&self, email: &str) -> Option<Arc<ServiceAccount>> {
        let accounts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().find(|account| account.email == email).cloned()
    }

    /// Creates a service account, or returns `None` if it exists.
    pub(in crate::google) fn create(&self, email: &str) -> Option<Arc<ServiceAccount>> {
        let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if accounts.iter().any(|account| account.email == email) {
            return None;
        }
        let account = Arc::new(ServiceAccount {
            email: email.to_owned(),
            unique_id: format!("1{}", secret::digits(20)),
            policy: ResourcePolicy::new(email, &[]).ok()?,
            key: AccountKey::of_account(accounts.len())?,
            max_token_seconds: 3600,
            token_seconds: None,
        });
        accounts.push(Arc::clone(&account));
        Some(account)
    }

    /// Deletes a service account. Returns false if there is none.
    pub(in crate::google) fn delete(&self, email: &str) -> bool {
        let mut accounts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = accounts.len();
        accounts.retain(|account| account.email != email);
        accounts.len() < before
    }

    /// Returns the service accounts of a project, by the ends of their email addresses.
    pub(in crate::google) fn in_domain(&self, domain: &str) -> Vec<Arc<ServiceAccount>> {
        let accounts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().filter(|account| account.email.ends_with(domain)).cloned().collect()
    }

    /// Resolves the service account at the end of a chain. Each account must allow the one before it to delegate, and
    /// the last account must allow it to get the token.
    pub(super) fn resolve_chain(
        &self,
        caller: &Principal,
        delegates: &[String],
        email: &str,
        permission: &'static str,
    ) -> Result<Arc<ServiceAccount>, ApiError> {
        let mut caller = caller.clone();
        for delegate in delegates {
            let email = delegate.strip_prefix("projects/-/serviceAccounts/").ok_or_else(|| {
                ApiError::invalid(
                    "badRequest",
                    format!("Invalid delegate {delegate}: expected projects/-/serviceAccounts/EMAIL"),
                )
            })?;
            let found = self.find(email).filter(|account| account.policy.grants(DELEGATE, &caller));
            let account = found.ok_or_else(|| missing_permission(DELEGATE))?;
            caller = Principal::ServiceAccount { email: account.email.clone() };
        }
        let found = self.find(email).filter(|account| account.policy.grants(permission, &caller));
        found.ok_or_else(|| missing_permission(permission))
    }
}

/// Returns the error for a caller without a permission.
pub(in crate::google) fn missing_permission(permission: &str) -> ApiError {
    ApiError::forbidden(format!("Permission '{permission}' denied on resource (or it may not exist)."))
        .with_error_info("IAM_PERMISSION_DENIED", "iam.googleapis.com", &json!({"permission": permission}))
}
