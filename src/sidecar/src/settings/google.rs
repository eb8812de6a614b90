//! What the pod becomes at Google, for the tokens that the sidecar asks for itself.

use std::time::Duration;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse as core_parse;

use super::parse::{self, Provider, owned};
use super::variables::{SettingsError, Variables};

/// What Google's libraries ask for by themselves.
const LIFETIME: Duration = Duration::from_hours(1);

/// Google's side of the settings.
#[derive(Debug, Clone)]
pub struct Google {
    /// The provider's audience.
    pub audience: String,
    /// The endpoint of Google STS, without a path.
    pub sts_endpoint: String,
    /// The endpoint of the IAM Credentials API, without a path.
    pub iam_credentials_endpoint: String,
    /// The service account that is impersonated; `None`: direct access.
    pub impersonation: Option<Impersonation>,
    /// The project that pays for the calls to the IAM Credentials API.
    pub quota_project: Option<String>,
    /// The project that the metadata server names.
    pub project: Option<String>,
}

/// A service account and the way to it.
#[derive(Debug, Clone)]
pub struct Impersonation {
    /// The service account.
    pub email: String,
    /// The chain of service accounts before it.
    pub delegates: Vec<String>,
    /// How long its access tokens live.
    pub lifetime: Duration,
}

impl Google {
    /// Reads these alone.
    ///
    /// # Errors
    /// The first variable that is bad.
    pub fn read(variables: &Variables<'_>, provider: &Provider) -> Result<Self, SettingsError> {
        let universe = &provider.universe;
        let endpoint = |name, service| {
            let other = variables.optional(name, owned(core_parse::endpoint))?;
            Ok(other.unwrap_or_else(|| format!("https://{service}.{universe}")))
        };
        Ok(Self {
            audience: provider.audience.clone(),
            sts_endpoint: endpoint(names::STS_ENDPOINT, "sts")?,
            iam_credentials_endpoint: endpoint(names::IAM_CREDENTIALS_ENDPOINT, "iamcredentials")?,
            impersonation: Impersonation::read(variables)?,
            quota_project: variables.optional(names::QUOTA_PROJECT, owned(core_parse::project))?,
            project: variables.optional(names::PROJECT, owned(core_parse::project))?,
        })
    }
}

impl Impersonation {
    fn read(variables: &Variables<'_>) -> Result<Option<Self>, SettingsError> {
        let email = variables.optional(names::SERVICE_ACCOUNT, owned(core_parse::email))?;
        let delegates = variables.optional(names::DELEGATES, parse::emails)?;
        let lifetime = variables.optional(names::TOKEN_LIFETIME, parse::token_lifetime)?;
        let Some(email) = email else {
            let needless =
                [(names::DELEGATES, delegates.is_some()), (names::TOKEN_LIFETIME, lifetime.is_some())];
            let needless = needless.into_iter().find(|(_, is_set)| *is_set);
            return needless.map_or(Ok(None), |(name, _)| Err(SettingsError::without_account(name)));
        };
        let (delegates, lifetime) = (delegates.unwrap_or_default(), lifetime.unwrap_or(LIFETIME));
        Ok(Some(Self { email, delegates, lifetime }))
    }
}
