//! The settings of Google STS and of impersonation.

use std::time::Duration;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::{self, InvalidValue};

use super::env::{Env, SettingsError};
use super::provider::Provider;

/// The lifetime of access tokens that Google's libraries request by default.
pub(crate) const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);

/// The settings of Google's endpoints and of impersonation.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    /// The provider's audience.
    pub audience: String,
    /// The endpoint of Google STS, without a path.
    pub sts_endpoint: String,
    /// The endpoint of the IAM Credentials API, without a path.
    pub iam_credentials_endpoint: String,
    /// The impersonated service account; `None` for direct access.
    pub impersonation: Option<Impersonation>,
    /// The project that is charged for calls to the IAM Credentials API.
    pub quota_project: Option<String>,
    /// The project ID that the metadata server returns.
    pub project: Option<String>,
}

/// An impersonated service account.
#[derive(Debug, Clone)]
pub struct Impersonation {
    /// The service account's email.
    pub email: String,
    /// The chain of service accounts that precedes it.
    pub delegates: Vec<String>,
    /// The lifetime of its access tokens.
    pub lifetime: Duration,
}

impl GoogleSettings {
    /// Reads the variables.
    ///
    /// # Errors
    /// Returns an error for the first invalid variable.
    pub fn read(env: &Env<'_>, provider: &Provider) -> Result<Self, SettingsError> {
        let universe = &provider.universe;
        let endpoint = |name, service| {
            let endpoint = env.optional_text(name, parse::endpoint)?;
            Ok(endpoint.unwrap_or_else(|| format!("https://{service}.{universe}")))
        };
        Ok(Self {
            audience: provider.audience.clone(),
            sts_endpoint: endpoint(names::STS_ENDPOINT, "sts")?,
            iam_credentials_endpoint: endpoint(names::IAM_CREDENTIALS_ENDPOINT, "iamcredentials")?,
            impersonation: Impersonation::read(env)?,
            quota_project: env.optional_text(names::QUOTA_PROJECT, parse::project)?,
            project: env.optional_text(names::PROJECT, parse::project)?,
        })
    }
}

impl Impersonation {
    fn read(env: &Env<'_>) -> Result<Option<Self>, SettingsError> {
        let email = env.optional_text(names::SERVICE_ACCOUNT, parse::email)?;
        let delegates = env.optional(names::DELEGATES, delegates)?;
        let lifetime = env.optional(names::TOKEN_LIFETIME, token_lifetime)?;
        let Some(email) = email else {
            let ineffective =
                [(names::DELEGATES, delegates.is_some()), (names::TOKEN_LIFETIME, lifetime.is_some())];
            let ineffective = ineffective.into_iter().find(|(_, is_set)| *is_set);
            return ineffective
                .map_or(Ok(None), |(name, _)| Err(SettingsError::without_service_account(name)));
        };
        let (delegates, lifetime) = (delegates.unwrap_or_default(), lifetime.unwrap_or(DEFAULT_LIFETIME));
        Ok(Some(Self { email, delegates, lifetime }))
    }
}

fn delegates(text: &str) -> Result<Vec<String>, InvalidValue> {
    Ok(parse::emails(text)?.into_iter().map(str::to_owned).collect())
}

fn token_lifetime(text: &str) -> Result<Duration, InvalidValue> {
    parse::token_lifetime(text).map(|seconds| Duration::from_secs(seconds.into()))
}
