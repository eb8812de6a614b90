//! What the pod becomes at Google: the provider, the service account, the projects, the endpoints.

use rolebridge_core::annotations as key;
use rolebridge_core::google::DEFAULT_UNIVERSE;

use super::places::Places;
use super::{Setting, value};
use crate::sentence::Name;
use crate::{Denial, Reason};

/// Seconds of an impersonated token where nobody says another number: what Google's libraries, and the sidecar, ask for by themselves.
const TOKEN_LIFETIME: u32 = 3600;

/// Google's side of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google<'a> {
    /// The provider's resource name, `projects/…`.
    pub provider: Setting<&'a str>,
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
    pub(super) fn resolve(places: &Places<'a>) -> Result<Result<Self, Denial>, Denial> {
        let provider = places.optional(key::PROVIDER, value::provider)?;
        let service_account = places.optional(key::SERVICE_ACCOUNT, value::email)?;
        let delegates = places.optional(key::DELEGATES, value::emails)?;
        let token_lifetime = places.or(key::TOKEN_LIFETIME, value::token_lifetime, TOKEN_LIFETIME)?;
        let project = places.optional(key::PROJECT, value::project)?;
        let quota_project = places.optional(key::QUOTA_PROJECT, value::project)?;
        let universe = places.or(key::UNIVERSE_DOMAIN, value::universe, DEFAULT_UNIVERSE)?;
        let sts_endpoint = places.optional(key::STS_ENDPOINT, value::endpoint)?;
        let iam_credentials_endpoint = places.optional(key::IAM_CREDENTIALS_ENDPOINT, value::endpoint)?;
        check_allowed(places, provider, service_account, delegates.as_ref())?;
        Ok(provider.ok_or_else(|| no_provider(places)).map(|provider| Self {
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
    pub(crate) fn said_token_lifetime(&self) -> Option<u32> {
        Some(self.token_lifetime.value).filter(|seconds| *seconds != TOKEN_LIFETIME)
    }
}

fn check_allowed(
    places: &Places<'_>,
    provider: Option<Setting<&str>>,
    service_account: Option<Setting<&str>>,
    delegates: Option<&Setting<Vec<&str>>>,
) -> Result<(), Denial> {
    let (defaults, namespace) = (places.context.defaults, places.context.namespace);
    let refuse = |key: &'static str, list: &str| {
        let end = format!("is not allowed in the namespace {namespace} by the platform team's {list}");
        let refusal = |found| Err(places.refuse(found, Reason::NotAllowed, end));
        places.find(key).map_or(Ok(()), refusal)
    };
    if provider.is_some_and(|provider| !defaults.allows_provider(provider.value, namespace)) {
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

fn no_provider(places: &Places<'_>) -> Denial {
    Denial::of_settings(
        Reason::NoProvider,
        format!(
            "{} is named nowhere: not on the pod, its service account {}, its namespace {} nor in the chart's \
             defaults. It is projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.",
            key::PROVIDER,
            Name(places.pod.service_account()),
            places.context.namespace
        ),
    )
}
