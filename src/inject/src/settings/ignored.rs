//! Values of the app team that are ignored, because the platform team locked the setting that is derived from them.

use std::fmt;

use rolebridge_core::annotations::{self as key, PREFIX, eks};
use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;

use super::app_env;
use super::aws::{Aws, Credentials, locked_agent};
use super::origin::Origin;
use super::precedence::Precedence;
use super::resolved::Settings;
use crate::context::Context;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::view::{Env, Pod};

/// An ignored value, displayed as a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredValue {
    /// The annotation of the locked setting.
    pub setting: &'static str,
    /// The value's location, such as `HTTPS_PROXY in app`.
    pub location: String,
    /// The fix, an imperative.
    fix: String,
}

impl IgnoredValue {
    /// Creates a value that the platform team can set instead.
    fn new(setting: &'static str, location: String) -> Self {
        let name = setting.strip_prefix(PREFIX).unwrap_or(setting);
        Self {
            setting,
            location,
            fix: format!("set {name} in the chart's defaults, or {setting} on the namespace"),
        }
    }
}

impl fmt::Display for IgnoredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, location, fix } = self;
        write!(f, "{location} is ignored, because {setting} is locked by the platform team. Fix: {fix}.")
    }
}

/// Returns the values that are ignored, and instead of which neither the namespace nor the chart's defaults set one.
pub fn ignored_values<'a>(
    pod: &'a Pod<'_>,
    context: &Context<'a>,
    settings: &Settings<'_>,
) -> impl Iterator<Item = IgnoredValue> {
    let precedence = Precedence { pod, context: *context };
    let (proxy, no_proxy) = proxies(&precedence, settings);
    let of_aws = settings.aws.as_ref().map(|aws| {
        let (lifetime, audience) = (token_lifetime(&precedence, aws), audience(&precedence, aws));
        [region(&precedence, aws), lifetime, audience, agent_uri(&precedence, aws)]
    });
    [proxy, no_proxy].into_iter().chain(of_aws.into_iter().flatten()).flatten()
}

/// Returns the ignored variables of the app containers, if the setting is locked.
fn variables(
    precedence: &Precedence<'_>,
    setting: &'static str,
    names: &'static [&'static str],
    is_ignored: impl Fn(Option<&str>) -> bool,
) -> Option<IgnoredValue> {
    if !precedence.locks(setting) {
        return None;
    }
    let ignored = || {
        app_env::variables(precedence.pod, names).filter(|(_, variable)| is_ignored(Env::literal(variable)))
    };
    let (_, first) = ignored().next()?;
    let containers = join_names(MAX_NAMES_IN_WARNING, ignored().map(|(container, _)| &*container.name))?;
    Some(IgnoredValue::new(setting, format!("{} in {containers}", &*first.name)))
}

fn proxies(
    precedence: &Precedence<'_>,
    settings: &Settings<'_>,
) -> (Option<IgnoredValue>, Option<IgnoredValue>) {
    let sidecar = &settings.sidecar;
    let variables = |setting, names| variables(precedence, setting, names, |value| value != Some(""));
    match (&sidecar.https_proxy, &sidecar.no_proxy) {
        (None, _) if settings.has_sidecar() => (variables(key::HTTPS_PROXY, app_env::HTTPS_PROXY), None),
        (Some(_), None) if settings.has_sidecar() => (None, variables(key::NO_PROXY, app_env::NO_PROXY)),
        _ => (None, None),
    }
}

fn region(precedence: &Precedence<'_>, aws: &Aws<'_>) -> Option<IgnoredValue> {
    let region = Some(aws.region).filter(|region| region.origin == Origin::BuiltIn)?;
    variables(precedence, key::AWS_REGION, app_env::REGION, |value| value != Some(region.value))
}

fn agent_uri(precedence: &Precedence<'_>, aws: &Aws<'_>) -> Option<IgnoredValue> {
    let Credentials::PodIdentity { uri } = aws.credentials.value else { return None };
    let names = &[AWS_CONTAINER_CREDENTIALS_FULL_URI];
    let ignored = variables(precedence, locked_agent(precedence)?, names, |value| value != Some(uri))?;
    Some(IgnoredValue { fix: "remove it".to_owned(), ..ignored })
}

fn token_lifetime(precedence: &Precedence<'_>, aws: &Aws<'_>) -> Option<IgnoredValue> {
    let lifetime = Some(aws.token_lifetime).filter(|lifetime| lifetime.origin == Origin::BuiltIn)?;
    let used = lifetime.value.to_string();
    let location = of_eks(precedence, key::AWS_TOKEN_LIFETIME, eks::TOKEN_EXPIRATION, &used)?;
    Some(IgnoredValue::new(key::AWS_TOKEN_LIFETIME, location))
}

/// Returns the ignored audience of the token for the role.
fn audience(precedence: &Precedence<'_>, aws: &Aws<'_>) -> Option<IgnoredValue> {
    let location = aws.role().and(of_eks(precedence, key::ROLE_ARN, eks::AUDIENCE, aws.audience.value))?;
    Some(IgnoredValue { setting: key::ROLE_ARN, location, fix: "remove it".to_owned() })
}

/// Returns the location of EKS's annotation of the service account, if the setting is locked and another value is used.
fn of_eks(precedence: &Precedence<'_>, setting: &str, key: &str, used: &str) -> Option<String> {
    let declared = precedence.context.service_account?.annotation(key).filter(|text| !text.is_empty())?;
    (precedence.locks(setting) && declared != used)
        .then(|| format!("{key} {}", precedence.describe_origin(Origin::ServiceAccount)))
}
