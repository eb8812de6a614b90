//! The settings as text, by annotation, each with its origin.

use rolebridge_core::annotations::{self as key, ALL, eks};
use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::MIN_POD_TOKEN_LIFETIME;
use rolebridge_core::identity::Identity;
use rolebridge_core::redact::redact_userinfo;

use super::aws::Credentials;
use super::origin::{Origin, Setting};
use super::parse::ConfigMapKey;
use super::precedence::Precedence;
use super::resolved::Settings;
use crate::context::Context;
use crate::view::Pod;

/// The resolved value of an annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedSetting {
    /// The annotation key.
    pub key: &'static str,
    /// The value, without a proxy's user and password: the output of `explain` is kept in CI logs.
    pub value: String,
    /// The origin of the value.
    pub origin: Origin,
}

/// Returns every annotation that is set, with its unparsed value: for a pod with settings that cannot be resolved.
pub fn declared_settings<'a>(
    pod: &'a Pod<'_>,
    context: &Context<'a>,
) -> impl Iterator<Item = ResolvedSetting> + use<'a> {
    let precedence = Precedence { pod, context: *context };
    ALL.iter().filter(|annotation| annotation.key != key::INJECT).filter_map(move |annotation| {
        let from_eks =
            || precedence.of_eks(key::ROLE_ARN, eks::ROLE_ARN).filter(|_| annotation.key == key::ROLE_ARN);
        let raw = precedence
            .annotated(annotation.key)
            .or_else(from_eks)
            .or_else(|| precedence.default(annotation.key))?;
        let text = if raw.key == key::HTTPS_PROXY { redact_userinfo(raw.text) } else { raw.text.into() };
        Some(ResolvedSetting { key: annotation.key, value: text.into_owned(), origin: raw.origin })
    })
}

impl Settings<'_> {
    /// Returns every annotation that has a value, in the order of the documentation.
    pub fn entries(&self) -> impl Iterator<Item = ResolvedSetting> {
        ALL.iter().filter_map(|annotation| {
            let Setting { value, origin } = self.setting(annotation.key)?;
            Some(ResolvedSetting { key: annotation.key, value, origin })
        })
    }

    fn setting(&self, annotation: &str) -> Option<Setting<String>> {
        let Self { identity, google, aws, sources, outputs, containers, sidecar } = self;
        let aws = aws.as_ref();
        match annotation {
            key::PROVIDER => text(google.provider),
            key::SERVICE_ACCOUNT => text(google.service_accounts.as_ref()?.as_ref()),
            key::DELEGATES => text(google.delegates.as_ref()?.as_ref().map(|chain| chain.join(","))),
            key::OUTPUTS => outputs.and_then(text),
            key::IDENTITY => text(identity.map(Identity::as_str)),
            key::SOURCE => text(sources.as_ref()),
            key::ROLE_ARN => text(aws?.role()?.map(RoleArn::into_str)),
            key::AWS_TOKEN_LIFETIME => text(aws?.token_lifetime),
            key::AWS_CREDENTIALS => text(aws?.credentials.as_ref().map(Credentials::as_str)),
            key::AWS_REGION => text(aws?.region),
            key::SESSION_NAME => text(aws?.session_name()?.as_ref()),
            key::PROJECT => google.project.and_then(text),
            key::QUOTA_PROJECT => google.quota_project.and_then(text),
            key::TOKEN_LIFETIME => Some(self.token_lifetime()),
            key::CONTAINERS => text(containers.only.as_ref()?.as_ref()),
            key::SKIP_CONTAINERS => text(containers.skipped.as_ref()?.as_ref()),
            key::START_AFTER => text(containers.start_after.as_ref()?.as_ref()),
            key::PORT => text(sidecar.port),
            key::METRICS_PORT => sidecar.metrics_port.and_then(text),
            key::AWS_STS_ENDPOINT => aws?.sts_endpoint.and_then(text),
            key::STS_ENDPOINT => text(google.sts_endpoints.as_ref()?.as_ref().map(|list| list.join(","))),
            key::IAM_CREDENTIALS_ENDPOINT => google.iam_credentials_endpoint.and_then(text),
            key::UNIVERSE_DOMAIN => text(google.universe),
            key::CA_BUNDLE => {
                let path = |bundle: ConfigMapKey<'_>| format!("{}/{}", bundle.config_map, bundle.key);
                sidecar.ca_bundle.map(|bundle| bundle.map(path))
            }
            key::HTTPS_PROXY => text(sidecar.https_proxy.as_ref()?.as_ref().map(|url| redact_userinfo(url))),
            key::NO_PROXY => sidecar.no_proxy.and_then(text),
            key::STARTUP_TIMEOUT => sidecar.startup_timeout.and_then(text),
            key::CPU_REQUEST => text(sidecar.cpu.request.map(|amount| amount.text)),
            key::CPU_LIMIT => text(sidecar.cpu.limit.map(|amount| amount.text)),
            key::MEMORY_REQUEST => text(sidecar.memory.request.map(|amount| amount.text)),
            key::MEMORY_LIMIT => text(sidecar.memory.limit.map(|amount| amount.text)),
            key::LOG_LEVEL => text(sidecar.log_level),
            // The opt-in is not a setting.
            _ => None,
        }
    }

    /// Returns the lifetime of tokens; a range, if each pod's document has its own.
    fn token_lifetime(&self) -> Setting<String> {
        let Setting { value, origin } = self.google.token_lifetime;
        let is_own = origin == Origin::BuiltIn
            && self.google.service_accounts.is_some()
            && self.has_sidecar()
            && self.sources.value.documents().next().is_some();
        let value = if is_own {
            format!("{MIN_POD_TOKEN_LIFETIME} to {value}, by the pod's name")
        } else {
            value.to_string()
        };
        Setting { value, origin }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "all arms have the same type")]
fn text(setting: Setting<impl ToString>) -> Option<Setting<String>> {
    Some(setting.map(|value| value.to_string()))
}
