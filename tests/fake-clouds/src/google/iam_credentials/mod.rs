//! IAM Credentials: `generateAccessToken` and `generateIdToken` issue a service account's tokens to the principals in
//! its policy; [`sign_blob`] signs with its key.
//!
//! Source: the IAM Service Account Credentials REST reference, "Create short-lived credentials for a service account",
//! "Create short-lived credentials for multiple service accounts", and the errors that users report.

pub(super) mod allowed_locations;
pub(super) mod service_accounts;
mod sign_blob;

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;

use self::service_accounts::missing_permission;
use super::cloud::Google;
use super::error::{ApiError, Style};
use super::principal::Principal;
use super::tokens::TokenGrant;
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::fields::Fields;
use crate::oidc::GOOGLE_ISSUER;
use crate::operation::Operation;
use crate::wire::{Request, Response, is_form};

const GET_ACCESS_TOKEN: &str = "iam.serviceAccounts.getAccessToken";
const GET_ID_TOKEN: &str = "iam.serviceAccounts.getOpenIdToken";
/// The lifetime of an ID token, in seconds.
const ID_TOKEN_LIFETIME: i64 = 3600;
const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";

// google-auth sends `null` for an absent field, which Google accepts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccessTokenBody {
    delegates: Option<Vec<String>>,
    scope: Option<Vec<String>>,
    lifetime: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IdTokenBody {
    delegates: Option<Vec<String>>,
    audience: Option<String>,
    include_email: Option<bool>,
    /// Google's libraries for Node and Python send it, although the discovery document lacks it. It concerns the claim `azp`.
    #[serde(rename = "useEmailAzp")]
    _use_email_azp: Option<bool>,
}

impl AccessTokenBody {
    /// Parses JSON, or a form: Google binds a form's fields like query parameters, and gRPC's C-core sends a form.
    fn parse(request: &Request) -> Result<Self, ApiError> {
        if !is_form(request) {
            return parse_json(request);
        }
        let fields = Fields::from_form(request);
        if let Some(name) = fields.names().find(|name| !["delegates", "scope", "lifetime"].contains(name)) {
            return Err(unknown_field(name));
        }
        Ok(Self {
            delegates: fields.values("delegates"),
            scope: fields.values("scope"),
            lifetime: fields.value("lifetime").map(str::to_owned),
        })
    }
}

/// Returns the operation and the service account in a request's path.
pub(crate) fn parse_path(request: &Request) -> Option<(Operation, String)> {
    let rest = request.uri().path().strip_prefix("/v1/projects/-/serviceAccounts/")?;
    let (email, method) = rest.rsplit_once(':')?;
    let operation = match method {
        "generateAccessToken" => Operation::GenerateAccessToken,
        "generateIdToken" => Operation::GenerateIdToken,
        "signBlob" => Operation::SignBlob,
        _ => return None,
    };
    let decoded = percent_decode_str(email).decode_utf8().ok()?;
    (request.method() == Method::POST && !decoded.contains('/')).then(|| (operation, decoded.into_owned()))
}

/// Returns the error for a caller without permission.
pub(crate) fn permission_denied(operation: Operation) -> ApiError {
    missing_permission(match operation {
        Operation::GenerateIdToken => GET_ID_TOKEN,
        Operation::SignBlob => sign_blob::SIGN_BLOB,
        _ => GET_ACCESS_TOKEN,
    })
}

fn parse_json<'a, B: Deserialize<'a>>(request: &'a Request) -> Result<B, ApiError> {
    serde_json::from_slice(request.body())
        .map_err(|error| ApiError::invalid("badRequest", format!("Invalid JSON payload received. {error}")))
}

fn unknown_field(name: &str) -> ApiError {
    let message = format!(
        "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be \
         found in request message."
    );
    ApiError::invalid("badRequest", message)
}

fn invalid_argument() -> ApiError {
    ApiError::invalid("badRequest", "Request contains an invalid argument.")
}

impl Google {
    pub(super) fn generate_access_token(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Rpc, &[IAM_SCOPE])?;
        let (_, email) = parse_path(request).ok_or_else(|| ApiError::unknown_method(request))?;
        let body = AccessTokenBody::parse(request)?;
        let scopes = body.scope.unwrap_or_default();
        if scopes.is_empty() {
            return Err(invalid_argument());
        }
        let delegates = body.delegates.unwrap_or_default();
        let account = self.service_accounts.resolve_chain(&caller, &delegates, &email, GET_ACCESS_TOKEN)?;
        let requested = parse_lifetime(body.lifetime.as_deref(), account.max_token_seconds)?;
        let lifetime = account.token_seconds.unwrap_or(requested);
        let expires = now.plus(lifetime);
        let principal = Principal::ServiceAccount { email: account.email.clone() };
        let token = self.tokens.issue(TokenGrant { principal, scopes, expires });
        let response = Response::json(StatusCode::OK, &json!({"accessToken": token, "expireTime": expires}));
        let (principal, service_account) = (caller.to_string(), account.email.clone());
        Ok(response.with_detail(Detail::Impersonated { principal, service_account, lifetime }))
    }

    pub(super) fn generate_id_token(&self, request: &Request, now: Timestamp) -> Result<Response, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Rpc, &[IAM_SCOPE])?;
        let (_, email) = parse_path(request).ok_or_else(|| ApiError::unknown_method(request))?;
        let body: IdTokenBody = parse_json(request)?;
        let audience = body.audience.filter(|audience| !audience.is_empty()).ok_or_else(invalid_argument)?;
        let delegates = body.delegates.unwrap_or_default();
        let account = self.service_accounts.resolve_chain(&caller, &delegates, &email, GET_ID_TOKEN)?;
        let mut claims = json!({
            "aud": audience,
            "azp": account.unique_id,
            "exp": now.plus(ID_TOKEN_LIFETIME).0,
            "iat": now.0,
            "iss": GOOGLE_ISSUER,
            "sub": account.unique_id,
        });
        if body.include_email.unwrap_or_default() {
            claims["email"] = json!(account.email);
            claims["email_verified"] = json!(true);
        }
        let issuer = self.issuers.find(GOOGLE_ISSUER);
        let token = issuer.and_then(|issuer| issuer.mint_claims(&claims)).ok_or_else(ApiError::internal)?;
        let (principal, service_account) = (caller.to_string(), account.email.clone());
        let detail = Detail::IdTokenIssued { principal, service_account, audience };
        Ok(Response::json(StatusCode::OK, &json!({"token": token})).with_detail(detail))
    }
}

/// Parses `"3600s"`.
fn parse_lifetime(text: Option<&str>, max: i64) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(3600) };
    let seconds: Option<i64> = text.strip_suffix('s').and_then(|number| number.parse().ok());
    match seconds {
        Some(seconds) if (1..=max).contains(&seconds) => Ok(seconds),
        Some(seconds) if seconds > max => Err(ApiError::invalid(
            "badRequest",
            "Access tokens can not have lifetimes of more than 1 hour. Use the Org Policy Constraint \
             constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours.",
        )),
        Some(0) => {
            // Google's own spelling.
            Err(ApiError::invalid("badRequest", "Lifetime of access token must be larger then zero."))
        }
        _ => Err(ApiError::invalid("badRequest", format!("Invalid value at 'lifetime': {text}"))),
    }
}

#[cfg(test)]
mod tests;
