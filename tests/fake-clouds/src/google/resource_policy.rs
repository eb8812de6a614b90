//! A resource's IAM policy as its `getIamPolicy` and `setIamPolicy` show it, and as its permissions follow from it.

use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::policy::Policy;
use super::principal::Principal;
use crate::config::Binding;
use crate::error::ConfigError;

/// The policy of a resource.
#[derive(Debug)]
pub(crate) struct ResourcePolicy(RwLock<Current>);

#[derive(Debug)]
struct Current {
    bindings: Vec<Binding>,
    policy: Policy,
    /// The number of changes, which the `etag` encodes.
    generation: u64,
}

/// A change that the resource rejects.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The policy has changed since the caller read it.
    Stale,
    /// A binding is invalid.
    Invalid(String),
}

impl ResourcePolicy {
    pub(crate) fn new(location: &str, bindings: &[Binding]) -> Result<Self, ConfigError> {
        let policy = Policy::new(location, bindings)?;
        Ok(Self(RwLock::new(Current { bindings: bindings.to_vec(), policy, generation: 1 })))
    }

    /// Returns true if a principal has a permission.
    pub(crate) fn grants(&self, permission: &str, principal: &Principal) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).policy.grants(permission, principal)
    }

    /// Returns the policy in IAM's format.
    pub(crate) fn to_json(&self) -> Value {
        self.0.read().unwrap_or_else(PoisonError::into_inner).to_json()
    }

    /// Replaces the policy, unless it has changed since the caller read this `etag`.
    pub(crate) fn replace(&self, etag: Option<&str>, bindings: Vec<Binding>) -> Result<Value, Rejected> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if etag.is_some_and(|etag| etag != current.etag()) {
            return Err(Rejected::Stale);
        }
        let policy =
            Policy::new("policy", &bindings).map_err(|error| Rejected::Invalid(error.to_string()))?;
        *current = Current { bindings, policy, generation: current.generation + 1 };
        Ok(current.to_json())
    }
}

impl Current {
    fn etag(&self) -> String {
        STANDARD.encode(self.generation.to_be_bytes())
    }

    fn to_json(&self) -> Value {
        let mut policy = json!({"version": 1, "etag": self.etag()});
        if !self.bindings.is_empty() {
            policy["bindings"] = json!(self.bindings);
        }
        policy
    }
}
