//! Google STS, `POST /v1/introspect`: identifies the principal of a federated token.
//!
//! Source: RFC 7662, gcloud (`core/credentials/introspect.py`), and earlier revisions of the STS REST reference
//! (`v1.introspect`, `IntrospectTokenResponse`): the present discovery document lacks the method.

use http::StatusCode;
use serde_json::json;

use super::client_authentication;
use super::cloud::Google;
use super::error::OauthError;
use crate::clock::Timestamp;
use crate::fields::Fields;
use crate::wire::{Request, Response, is_form};

impl Google {
    pub(super) fn introspect(&self, request: &Request, now: Timestamp) -> Result<Response, OauthError> {
        client_authentication::require(request)?;
        if !is_form(request) {
            let description = "The request is not application/x-www-form-urlencoded.";
            return Err(OauthError::new("invalid_request", description));
        }
        let fields = Fields::from_form(request);
        let token = fields.value("token").filter(|token| !token.is_empty());
        let token =
            token.ok_or_else(|| OauthError::new("invalid_request", "Missing required parameter: token"))?;
        // RFC 7662: the response contains nothing else about an inactive token.
        let grant = self.tokens.grant(token, now);
        let body = grant.map_or_else(
            || json!({"active": false}),
            |grant| {
                json!({
                    "active": true,
                    "iss": "https://sts.googleapis.com/",
                    // Google STS does not issue tokens of service accounts, so this is always `principal://…`.
                    "username": grant.principal.name(),
                    "scope": grant.scopes.join(" "),
                    "token_type": "Bearer",
                    "exp": grant.expires.0,
                })
            },
        );
        Ok(Response::json(StatusCode::OK, &body))
    }
}
