//! IAM Credentials: `generateAccessToken`, a service account's token for whom its policy lets have one.

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::json;

use super::Google;
use super::error::{ApiError, Style};
use super::policy::Policy;
use super::principal::Principal;
use super::tokens::Grant;
use crate::clock::Timestamp;
use crate::config;
use crate::error::ConfigError;
use crate::events::Detail;
use crate::wire::{Answer, Request};

const GET_ACCESS_TOKEN: &str = "iam.serviceAccounts.getAccessToken";
const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// The service accounts and who may be them.
#[derive(Debug)]
pub(crate) struct ServiceAccounts(Vec<ServiceAccount>);

#[derive(Debug)]
struct ServiceAccount {
    email: String,
    policy: Policy,
    max_token_seconds: i64,
    token_seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    // `null` is as good as absent in Google's JSON, and google-auth sends it.
    #[serde(default)]
    delegates: Option<Vec<String>>,
    #[serde(default)]
    scope: Option<Vec<String>>,
    lifetime: Option<String>,
}

impl ServiceAccounts {
    pub(crate) fn new(config: &[config::ServiceAccount]) -> Result<Self, ConfigError> {
        let accounts = config.iter().map(|account| {
            let place = format!("the service account {}", account.email);
            if !(3600..=43200).contains(&account.max_token_seconds) {
                return Err(ConfigError::new(place, "maxTokenSeconds is 3600 to 43200"));
            }
            Ok(ServiceAccount {
                email: account.email.clone(),
                policy: Policy::new(&place, &account.bindings)?,
                max_token_seconds: account.max_token_seconds,
                token_seconds: account.token_seconds,
            })
        });
        accounts.collect::<Result<_, _>>().map(Self)
    }

    fn find(&self, email: &str) -> Option<&ServiceAccount> {
        self.0.iter().find(|account| account.email == email)
    }

    /// The service account at the end of a chain, each link of which trusts the one before.
    fn reach(
        &self,
        caller: &Principal,
        delegates: &[String],
        email: &str,
    ) -> Result<&ServiceAccount, ApiError> {
        let mut caller = caller.clone();
        for delegate in delegates {
            let email = delegate.strip_prefix("projects/-/serviceAccounts/").ok_or_else(|| {
                ApiError::invalid(
                    "badRequest",
                    format!("Invalid delegate {delegate}: it begins with projects/-/serviceAccounts/"),
                )
            })?;
            let found = self.find(email).filter(|account| account.policy.grants(GET_ACCESS_TOKEN, &caller));
            let account = found.ok_or_else(denied)?;
            caller = Principal::ServiceAccount { email: account.email.clone() };
        }
        let found = self.find(email).filter(|account| account.policy.grants(GET_ACCESS_TOKEN, &caller));
        found.ok_or_else(denied)
    }
}

/// The email of a `generateAccessToken` request.
pub(crate) fn email(request: &Request) -> Option<String> {
    let rest = request.uri().path().strip_prefix("/v1/projects/-/serviceAccounts/")?;
    let email = rest.strip_suffix(":generateAccessToken")?;
    let decoded = percent_decode_str(email).decode_utf8().ok()?;
    (request.method() == Method::POST && !decoded.contains('/')).then(|| decoded.into_owned())
}

pub(crate) fn denied() -> ApiError {
    ApiError::forbidden(format!("Permission '{GET_ACCESS_TOKEN}' denied on resource (or it may not exist)."))
        .because("IAM_PERMISSION_DENIED", "iam.googleapis.com", &json!({"permission": GET_ACCESS_TOKEN}))
}

impl Google {
    pub(super) fn generate_access_token(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Answer, ApiError> {
        let caller = self.tokens.caller(request, now, Style::Rpc, &[IAM_SCOPE])?;
        let email = email(request).ok_or_else(|| ApiError::no_such_method(request))?;
        let body: Body = serde_json::from_slice(request.body()).map_err(|error| {
            ApiError::invalid("badRequest", format!("Invalid JSON payload received. {error}"))
        })?;
        let scopes = body.scope.unwrap_or_default();
        if scopes.is_empty() {
            return Err(ApiError::invalid("badRequest", "Request contains an invalid argument."));
        }
        let account = self.service_accounts.reach(&caller, &body.delegates.unwrap_or_default(), &email)?;
        let asked = lifetime(body.lifetime.as_deref(), account.max_token_seconds)?;
        let lifetime = account.token_seconds.unwrap_or(asked);
        let expires = now.plus(lifetime);
        let principal = Principal::ServiceAccount { email: account.email.clone() };
        let token = self.tokens.give(Grant { principal, scopes, expires });
        let answer = Answer::json(StatusCode::OK, &json!({"accessToken": token, "expireTime": expires}));
        let (principal, service_account) = (caller.to_string(), account.email.clone());
        Ok(answer.telling(Detail::Impersonated { principal, service_account, lifetime }))
    }
}

/// Reads `"3600s"`.
fn lifetime(text: Option<&str>, most: i64) -> Result<i64, ApiError> {
    let Some(text) = text else { return Ok(3600) };
    let seconds: Option<i64> = text.strip_suffix('s').and_then(|number| number.parse().ok());
    match seconds {
        Some(seconds) if (1..=most).contains(&seconds) => Ok(seconds),
        Some(seconds) if seconds > most => Err(ApiError::invalid(
            "badRequest",
            "Access tokens can not have lifetimes of more than 1 hour. Use the Org Policy Constraint \
             constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours.",
        )),
        Some(0) => {
            // So it is spelt.
            Err(ApiError::invalid("badRequest", "Lifetime of access token must be larger then zero."))
        }
        _ => Err(ApiError::invalid("badRequest", format!("Invalid value at 'lifetime': {text}"))),
    }
}
