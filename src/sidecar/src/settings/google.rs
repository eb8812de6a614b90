//! The settings of Google STS and of impersonation.

use std::time::Duration;

use rolebridge_core::env::sidecar as names;
use rolebridge_core::google;
use rolebridge_core::parse::{self, InvalidValue};
use rolebridge_core::service_accounts::{AccountNumber, ServiceAccounts};

use super::env::{Env, SettingsError};
use super::provider::Provider;
use crate::spread;

/// The settings of Google's endpoints and of impersonation.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    /// The provider's audience.
    pub audience: String,
    /// The endpoint of Google STS, without a path.
    pub sts_endpoint: String,
    /// The endpoint of the IAM Credentials API, without a path.
    pub iam_credentials_endpoint: String,
    /// The accounts by their number: an impersonated service account, or `None` for direct access.
    pub accounts: Vec<Option<Impersonation>>,
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
    /// The lifetime of its access tokens, if it is set.
    pub lifetime: Option<Duration>,
}

impl GoogleSettings {
    /// Reads the variables.
    ///
    /// # Errors
    /// Returns an error for the first invalid variable.
    pub fn read(env: &Env<'_>, provider: &Provider) -> Result<Self, SettingsError> {
        let default_endpoint = |service| google::endpoint(service, &provider.universe);
        let iam_credentials_endpoint = env.optional_text(names::IAM_CREDENTIALS_ENDPOINT, parse::endpoint)?;
        Ok(Self {
            audience: provider.audience.clone(),
            sts_endpoint: sts_endpoint(env)?.unwrap_or_else(|| default_endpoint("sts")),
            iam_credentials_endpoint: iam_credentials_endpoint
                .unwrap_or_else(|| default_endpoint("iamcredentials")),
            accounts: Impersonation::read_all(env)?,
            quota_project: env.optional_text(names::QUOTA_PROJECT, parse::project)?,
            project: env.optional_text(names::PROJECT, parse::project)?,
        })
    }
}

impl GoogleSettings {
    /// Returns the service account with a number; `None` for direct access.
    #[must_use]
    pub fn account(&self, number: AccountNumber) -> Option<&Impersonation> {
        self.accounts.get(number.index())?.as_ref()
    }

    /// Returns all accounts with their numbers.
    pub fn numbered_accounts(&self) -> impl Iterator<Item = (AccountNumber, Option<&Impersonation>)> {
        AccountNumber::ALL.into_iter().zip(self.accounts.iter().map(Option::as_ref))
    }
}

impl Impersonation {
    fn read_all(env: &Env<'_>) -> Result<Vec<Option<Self>>, SettingsError> {
        let emails = env.optional(names::SERVICE_ACCOUNT, |text| {
            let accounts = ServiceAccounts::parse(text)?;
            Ok(accounts.accounts().iter().map(|email| email.map(str::to_owned)).collect::<Vec<_>>())
        })?;
        let delegates = env.optional(names::DELEGATES, delegates)?;
        let lifetime = env.optional(names::TOKEN_LIFETIME, token_lifetime)?;
        let Some(emails) = emails else {
            let ineffective =
                [(names::DELEGATES, delegates.is_some()), (names::TOKEN_LIFETIME, lifetime.is_some())];
            let ineffective = ineffective.into_iter().find(|(_, is_set)| *is_set);
            return ineffective
                .map_or(Ok(vec![None]), |(name, _)| Err(SettingsError::without_service_account(name)));
        };
        let delegates = delegates.unwrap_or_default();
        let account = |email| Self { email, delegates: delegates.clone(), lifetime };
        Ok(emails.into_iter().map(|email| email.map(account)).collect())
    }
}

/// Reads the endpoint of Google STS: the pod's own, if there are several.
fn sts_endpoint(env: &Env<'_>) -> Result<Option<String>, SettingsError> {
    let pod = env.optional_raw(names::HOSTNAME)?.unwrap_or_default();
    env.optional(names::STS_ENDPOINT, |text| Ok(spread::choose(&pod, &parse::endpoints(text)?).to_string()))
}

/// Reads the numbers of all accounts.
pub(super) fn account_numbers(env: &Env<'_>) -> Result<Vec<AccountNumber>, SettingsError> {
    let count = env.optional(names::SERVICE_ACCOUNT, |text| {
        ServiceAccounts::parse(text).map(|accounts| accounts.accounts().len())
    })?;
    Ok(AccountNumber::ALL.into_iter().take(count.unwrap_or(1)).collect())
}

/// Reads the number of a container's own account.
pub(super) fn account_of(env: &Env<'_>, container: &str) -> Result<AccountNumber, SettingsError> {
    let number = env.optional(names::SERVICE_ACCOUNT, |text| {
        ServiceAccounts::parse(text).map(|accounts| accounts.exception(container))
    })?;
    number.flatten().ok_or_else(|| SettingsError::output_without_account(container))
}

fn delegates(text: &str) -> Result<Vec<String>, InvalidValue> {
    Ok(parse::emails(text)?.into_iter().map(str::to_owned).collect())
}

fn token_lifetime(text: &str) -> Result<Duration, InvalidValue> {
    parse::token_lifetime(text).map(|seconds| Duration::from_secs(seconds.into()))
}
