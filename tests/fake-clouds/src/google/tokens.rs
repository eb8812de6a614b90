//! Access tokens that Google issued, and their principals.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::error::{ApiError, Style};
use super::principal::Principal;
use crate::clock::Timestamp;
use crate::secret::{self, Secret};
use crate::wire::{Request, header};

/// The scope that covers all of Google Cloud.
pub(crate) const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The principal, scopes and expiration of a token.
#[derive(Debug, Clone)]
pub(crate) struct TokenGrant {
    pub(crate) principal: Principal,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires: Timestamp,
}

/// All issued tokens.
#[derive(Debug, Default)]
pub(crate) struct TokenStore(Mutex<HashMap<Secret, TokenGrant>>);

impl TokenStore {
    /// Issues a token.
    pub(crate) fn issue(&self, grant: TokenGrant) -> String {
        let kind = match grant.principal {
            Principal::Federated { .. } => "d",
            Principal::ServiceAccount { .. } | Principal::User { .. } => "c",
        };
        let token = format!("ya29.{kind}.{}", secret::url_safe(120));
        self.add(token.clone(), grant);
        token
    }

    /// Adds a known token.
    pub(crate) fn add(&self, token: String, grant: TokenGrant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(Secret::new(token), grant);
    }

    /// Returns the grant of a token, unless it has expired.
    pub(crate) fn grant(&self, token: &str, now: Timestamp) -> Option<TokenGrant> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(&Secret::new(token.to_owned())).filter(|grant| now < grant.expires).cloned()
    }

    /// Returns the principal of the bearer token, if the token has one of the scopes.
    pub(crate) fn caller(
        &self,
        request: &Request,
        now: Timestamp,
        style: Style,
        scopes: &[&str],
    ) -> Result<Principal, ApiError> {
        let bearer = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = bearer.ok_or_else(|| ApiError::unauthenticated(style))?;
        self.grant_with(token, now, style, scopes).map(|grant| grant.principal)
    }

    /// Returns the grant of a token, if the token has one of the scopes.
    pub(crate) fn grant_with(
        &self,
        token: &str,
        now: Timestamp,
        style: Style,
        scopes: &[&str],
    ) -> Result<TokenGrant, ApiError> {
        let grant = self.grant(token, now).ok_or_else(|| ApiError::unauthenticated(style))?;
        let covers = |scope: &String| scope == CLOUD_PLATFORM || scopes.contains(&scope.as_str());
        if grant.scopes.iter().any(covers) { Ok(grant) } else { Err(ApiError::insufficient_scopes()) }
    }
}
