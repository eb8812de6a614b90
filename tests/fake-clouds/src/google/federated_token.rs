//! Issues federated tokens.

use http::StatusCode;
use serde_json::json;

use super::cloud::Google;
use super::principal::Principal;
use super::provider::Provider;
use super::tokens::TokenGrant;
use crate::clock::Timestamp;
use crate::events::{Detail, SubjectToken, TokenExchanged};
use crate::wire::Response;

pub(super) const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The lifetime of a federated token in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lifetime {
    /// The response has it as `expires_in`.
    Stated(i64),
    /// The response lacks `expires_in`.
    Unstated(i64),
}

impl Lifetime {
    const fn seconds(self) -> i64 {
        match self {
            Self::Stated(seconds) | Self::Unstated(seconds) => seconds,
        }
    }
}

/// A federated token to issue.
#[derive(Debug)]
pub(super) struct FederatedToken {
    pub(super) principal: Principal,
    pub(super) scopes: Vec<String>,
    pub(super) lifetime: Lifetime,
    pub(super) subject_token: SubjectToken,
}

impl Google {
    /// Issues a federated token.
    pub(super) fn issue(&self, provider: &Provider, token: FederatedToken, now: Timestamp) -> Response {
        let FederatedToken { principal, scopes, lifetime, subject_token } = token;
        let lifetime = provider.token_seconds.map_or(lifetime, Lifetime::Stated);
        let expires_in = lifetime.seconds();
        let detail = Detail::TokenExchanged(TokenExchanged {
            provider: provider.name.clone(),
            principal: principal.to_string(),
            attributes: principal.attributes(),
            subject_token,
            expires_in,
        });
        let grant = TokenGrant { principal, scopes, expires: now.plus(expires_in) };
        let mut body = json!({
            "access_token": self.tokens.issue(grant),
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
        });
        if let Lifetime::Stated(seconds) = lifetime {
            body["expires_in"] = json!(seconds);
        }
        Response::json(StatusCode::OK, &body).with_detail(detail)
    }
}
