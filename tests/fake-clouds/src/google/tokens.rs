//! Access tokens that Google gave, and whose they are.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::error::{ApiError, Style};
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::secret::{self, Secret};
use crate::wire::{Request, header};

/// The scope that covers all of Google Cloud.
pub(crate) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What a token is good for.
#[derive(Debug, Clone)]
pub(crate) struct TokenGrant {
    pub(crate) principal: Principal,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Timestamp,
}

/// Every token that was given.
#[derive(Debug, Default)]
pub(crate) struct TokenStore(Mutex<HashMap<Secret, TokenGrant>>);

impl TokenStore {
    /// Gives a token.
    pub(crate) fn issue(&self, grant: TokenGrant) -> String {
        let kind = match grant.principal {
            Principal::Federated { .. } => "d",
            Principal::ServiceAccount { .. } => "c",
        };
        let token = format!("ya29.{kind}.{}", secret::url_safe(120));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(Secret::new(token.clone()), grant);
        token
    }

    /// What a token is good for, if it still is.
    pub(crate) fn grant(&self, token: &str, now: Timestamp) -> Option<TokenGrant> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&Secret::new(token.to_owned())).filter(|grant| now < grant.expires).cloned()
    }

    /// Who calls, by the bearer token, if it has one of the scopes.
    pub(crate) fn caller(
        &self,
        request: &Request,
        now: Timestamp,
        style: Style,
        scopes: &[&str],
    ) -> Result<Principal, ApiError> {
        let bearer = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = bearer.ok_or_else(|| ApiError::unauthenticated(style))?;
        let grant = self.grant(token, now).ok_or_else(|| ApiError::unauthenticated(style))?;
        let covers = |scope: &String| scope == CLOUD_PLATFORM || scopes.contains(&scope.as_str());
        if grant.scopes.iter().any(covers) {
            Ok(grant.principal)
        } else {
            Err(ApiError::insufficient_scopes())
        }
    }
}
