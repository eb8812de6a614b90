//! What the pod becomes at Google: the provider, the service account, the projects, the endpoints.

use rolebridge_core::annotations as key;
use rolebridge_core::google::{DEFAULT_UNIVERSE, ProviderName};

use super::precedence::Precedence;
use super::{Setting, parse};
use crate::message::DisplayName;
use crate::{Denial, Reason};

/// Seconds of an impersonated token where nobody says another number: what Google's libraries, and the sidecar, ask for by themselves.
const TOKEN_LIFETIME: u32 = 3600;

/// Google's side of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google<'a> {
    /// The provider's resource name, `projects/…`.
    pub provider: Setting<ProviderName<&'a str>>,
    /// The service account to impersonate.
    pub service_account: Option<Setting<&'a str>>,
    /// The chain of service accounts before it.
    pub delegates: Option<Setting<Vec<&'a str>>>,
    /// Seconds of the impersonated token.
    pub token_lifetime: Setting<u32>,
    /// What the app's libraries take for their project.
    pub project: Option<Setting<&'a str>>,
    /// The project that pays.
    pub quota_project: Option<Setting<&'a str>>,
    /// The universe's domain.
    pub universe: Setting<&'a str>,
    /// Another endpoint of Google STS.
    pub sts_endpoint: Option<Setting<&'a str>>,
    /// Another endpoint of the IAM Credentials API.
    pub iam_credentials_endpoint: Option<Setting<&'a str>>,
}

impl<'a> Google<'a> {
    /// All values are parsed before the lack of a provider is told: a bad value is refused in every pod, a lack only in
    /// some.
    pub(super) fn resolve(precedence: &Precedence<'a>) -> Result<Result<Self, Denial>, Denial> {
        let provider = precedence.optional(key::PROVIDER, parse::provider)?;
        let service_account = precedence.optional(key::SERVICE_ACCOUNT, parse::email)?;
        let delegates = precedence.optional(key::DELEGATES, parse::emails)?;
        let token_lifetime = precedence.or(key::TOKEN_LIFETIME, parse::token_lifetime, TOKEN_LIFETIME)?;
        let project = precedence.optional(key::PROJECT, parse::project)?;
        let quota_project = precedence.optional(key::QUOTA_PROJECT, parse::project)?;
        let universe = precedence.or(key::UNIVERSE_DOMAIN, parse::universe, DEFAULT_UNIVERSE)?;
        let sts_endpoint = precedence.optional(key::STS_ENDPOINT, parse::endpoint)?;
        let iam_credentials_endpoint = precedence.optional(key::IAM_CREDENTIALS_ENDPOINT, parse::endpoint)?;
        check_allowed(precedence, provider, service_account, delegates.as_ref())?;
        Ok(provider.ok_or_else(|| no_provider(precedence)).map(|provider| Self {
            provider,
            service_account,
            delegates,
            token_lifetime,
            project,
            quota_project,
            universe,
            sts_endpoint,
            iam_credentials_endpoint,
        }))
    }
}

impl Google<'_> {
    /// Seconds of the impersonated token, unless everybody asks for so many by themselves.
    pub(crate) fn explicit_token_lifetime(&self) -> Option<u32> {
        Some(self.token_lifetime.value).filter(|seconds| *seconds != TOKEN_LIFETIME)
    }
}

fn check_allowed(
    precedence: &Precedence<'_>,
    provider: Option<Setting<ProviderName<&str>>>,
    service_account: Option<Setting<&str>>,
    delegates: Option<&Setting<Vec<&str>>>,
) -> Result<(), Denial> {
    let (defaults, namespace) = (precedence.context.defaults, precedence.context.namespace);
    let refuse = |key: &'static str, list: &str| {
        let end = format!("is not allowed in the namespace {namespace} by the platform team's {list}");
        let refusal = |found| Err(precedence.deny(found, Reason::NotAllowed, end));
        precedence.find(key).map_or(Ok(()), refusal)
    };
    if provider.is_some_and(|provider| !defaults.allows_provider(provider.value.as_str(), namespace)) {
        return refuse(key::PROVIDER, "allowed.providers");
    }
    let is_allowed = |email: &str| defaults.allows_service_account(email, namespace);
    if service_account.is_some_and(|email| !is_allowed(email.value)) {
        return refuse(key::SERVICE_ACCOUNT, "allowed.serviceAccounts");
    }
    if delegates.is_some_and(|chain| !chain.value.iter().all(|email| is_allowed(email))) {
        return refuse(key::DELEGATES, "allowed.serviceAccounts");
    }
    Ok(())
}

fn no_provider(precedence: &Precedence<'_>) -> Denial {
    Denial::of_settings(
        Reason::NoProvider,
        format!(
            "{} is named nowhere: not on the pod, its service account {}, its namespace {} nor in the chart's \
             defaults. It is projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.",
            key::PROVIDER,
            DisplayName(precedence.pod.service_account()),
            precedence.context.namespace
        ),
    )
}
