//! The Google settings: provider, service account, projects and endpoints.

use rolebridge_core::annotations as key;
use rolebridge_core::google::{DEFAULT_UNIVERSE, ProviderName, TOKEN_LIFETIME};
use rolebridge_core::service_accounts::{AccountNumber, ServiceAccounts};

use super::origin::{Origin, Setting};
use super::precedence::Precedence;
use super::{parse, service_accounts};
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::reason::Reason;

/// The Google settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google<'a> {
    /// The provider's resource name, `projects/…`.
    pub provider: Setting<ProviderName<&'a str>>,
    /// The service account of each container. `None`: direct access for all.
    pub service_accounts: Option<Setting<ServiceAccounts<'a>>>,
    /// The delegation chain to every service account.
    pub delegates: Option<Setting<Vec<&'a str>>>,
    /// The lifetime of every impersonated token in seconds.
    pub token_lifetime: Setting<u32>,
    /// The default project of the app's libraries.
    pub project: Option<Setting<&'a str>>,
    /// The quota project.
    pub quota_project: Option<Setting<&'a str>>,
    /// The universe domain.
    pub universe: Setting<&'a str>,
    /// Custom Google STS endpoints. A pod uses one of them.
    pub sts_endpoints: Option<Setting<Vec<&'a str>>>,
    /// A custom IAM Credentials API endpoint.
    pub iam_credentials_endpoint: Option<Setting<&'a str>>,
}

impl<'a> Google<'a> {
    /// Resolves the Google settings. The inner error is a missing provider.
    ///
    /// All values are parsed before a missing provider is reported: an invalid value denies every pod, a missing provider
    /// only some.
    pub(super) fn resolve(precedence: &Precedence<'a>) -> Result<Result<Self, Denial>, Denial> {
        let provider = precedence.optional(key::PROVIDER, parse::provider)?;
        let service_accounts = precedence.optional(key::SERVICE_ACCOUNT, ServiceAccounts::parse)?;
        let delegates = precedence.optional(key::DELEGATES, parse::emails)?;
        let token_lifetime = precedence.or(key::TOKEN_LIFETIME, parse::token_lifetime, TOKEN_LIFETIME)?;
        let project = precedence.optional(key::PROJECT, parse::project)?;
        let quota_project = precedence.optional(key::QUOTA_PROJECT, parse::project)?;
        let universe = precedence.or(key::UNIVERSE_DOMAIN, parse::universe, DEFAULT_UNIVERSE)?;
        let sts_endpoints = precedence.optional(key::STS_ENDPOINT, parse::endpoints)?;
        let iam_credentials_endpoint = precedence.optional(key::IAM_CREDENTIALS_ENDPOINT, parse::endpoint)?;
        let accounts = service_accounts.as_ref().map(|setting| &setting.value);
        check_allowed(precedence, provider, accounts, delegates.as_ref())?;
        accounts.map_or(Ok(()), |accounts| service_accounts::check_containers_exist(precedence, accounts))?;
        Ok(provider.ok_or_else(|| missing_provider(precedence)).map(|provider| Self {
            provider,
            service_accounts,
            delegates,
            token_lifetime,
            project,
            quota_project,
            universe,
            sts_endpoints,
            iam_credentials_endpoint,
        }))
    }
}

impl Google<'_> {
    /// Returns the lifetime of the impersonated token, if anyone set it. Otherwise the sidecar gives each pod a lifetime of
    /// its own.
    pub(crate) fn explicit_token_lifetime(&self) -> Option<u32> {
        Some(self.token_lifetime)
            .filter(|setting| setting.origin != Origin::BuiltIn)
            .map(|setting| setting.value)
    }

    /// Returns each account of the pod with its number. `None` is direct access.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (AccountNumber, Option<&str>)> {
        let accounts = self.service_accounts.as_ref().map_or(&[None][..], |setting| setting.value.accounts());
        AccountNumber::ALL.into_iter().zip(accounts.iter().copied())
    }

    /// Returns the number of a container's account.
    pub(crate) fn account_of(&self, container: &str) -> AccountNumber {
        let accounts = self.service_accounts.as_ref();
        accounts.map_or(AccountNumber::DEFAULT, |setting| setting.value.of(container))
    }
}

fn check_allowed(
    precedence: &Precedence<'_>,
    provider: Option<Setting<ProviderName<&str>>>,
    accounts: Option<&ServiceAccounts<'_>>,
    delegates: Option<&Setting<Vec<&str>>>,
) -> Result<(), Denial> {
    let (defaults, namespace) = (precedence.context.defaults, precedence.context.namespace);
    let deny = |key: &'static str, list: &str| {
        precedence.find(key).map_or(Ok(()), |raw| Err(precedence.deny_excluded(raw, list)))
    };
    if provider.is_some_and(|provider| !defaults.allows_provider(provider.value.as_str(), namespace)) {
        return deny(key::PROVIDER, "allowed.providers");
    }
    accounts.map_or(Ok(()), |accounts| service_accounts::check_allowed(precedence, accounts))?;
    let is_allowed = |email: &str| defaults.allows_service_account(email, namespace);
    if delegates.is_some_and(|chain| !chain.value.iter().all(|email| is_allowed(email))) {
        return deny(key::DELEGATES, "allowed.serviceAccounts");
    }
    Ok(())
}

fn missing_provider(precedence: &Precedence<'_>) -> Denial {
    Denial::for_settings(
        Reason::NoProvider,
        format!(
            "{}: expected a value on the pod, the service account {}, the namespace {} or in the chart's defaults, found \
             none. Fix: set it to projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.",
            key::PROVIDER,
            DisplayName(precedence.pod.service_account()),
            precedence.context.namespace
        ),
    )
}
