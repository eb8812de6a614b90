//! The AWS settings: credentials, the projected token that obtains them, and the region.

use rolebridge_core::annotations::{self as key, eks};
use rolebridge_core::aws::{
    CredentialsSource, POD_IDENTITY_TOKEN_AUDIENCE, POD_IDENTITY_URI, Partition, RoleArn, TOKEN_AUDIENCE,
};
use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;
use rolebridge_core::identity::Identity;

use super::origin::{Origin, Setting};
use super::precedence::{Precedence, RawSetting};
use super::session_name::{self, SessionName};
use super::{app_env, parse};
use crate::context::Context;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::reason::Reason;

/// Default lifetime of the projected token in seconds, like EKS's.
const TOKEN_LIFETIME: u32 = 86_400;

/// The AWS settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws<'a> {
    /// The credentials and their source.
    pub credentials: Setting<Credentials<'a>>,
    /// The region of the AWS STS endpoint.
    pub region: Setting<&'a str>,
    /// A custom AWS STS endpoint.
    pub sts_endpoint: Option<Setting<&'a str>>,
    /// The audience of the projected token.
    pub audience: Setting<&'a str>,
    /// The lifetime of the projected token in seconds.
    pub token_lifetime: Setting<u32>,
}

/// The source of the AWS credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// AWS STS, which accepts the projected token.
    Irsa {
        /// The IAM role.
        role: Setting<RoleArn<&'a str>>,
        /// The role session name.
        session_name: Setting<SessionName<'a>>,
    },
    /// EKS Pod Identity's agent, which accepts the projected token and selects the role.
    PodIdentity {
        /// The agent's URI.
        uri: &'a str,
    },
}

impl Credentials<'_> {
    /// Returns the annotation's value for these credentials.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Irsa { .. } => CredentialsSource::Irsa.as_str(),
            Self::PodIdentity { .. } => CredentialsSource::PodIdentity.as_str(),
        }
    }
}

impl<'a> Aws<'a> {
    /// Resolves the AWS settings. The inner error is a missing role, as in [`Google::resolve`](super::google::Google).
    pub(super) fn resolve(
        precedence: &Precedence<'a>,
        identity: Identity,
        source: Setting<CredentialsSource>,
    ) -> Result<Result<Self, Denial>, Denial> {
        let raw_role = role(precedence).filter(|_| source.value == CredentialsSource::Irsa);
        let role = raw_role.map(|raw| allowed_role(precedence, raw)).transpose()?;
        let declared_name = precedence.optional(key::SESSION_NAME, parse::session_name)?;
        let token_lifetime = token_lifetime(precedence)?;
        let sts_endpoint = precedence.optional(key::AWS_STS_ENDPOINT, parse::endpoint)?;
        let region = region(precedence, role.map(|role| role.value.partition()))?;
        let (credentials, audience) = match (source.value, role) {
            (CredentialsSource::PodIdentity, _) => (
                Credentials::PodIdentity { uri: agent_uri(precedence)? },
                Setting::built_in(POD_IDENTITY_TOKEN_AUDIENCE),
            ),
            (CredentialsSource::Irsa, Some(role)) => {
                let session_name = session_name::resolve(precedence, identity, role, declared_name)?;
                (Credentials::Irsa { role, session_name }, audience(precedence)?)
            }
            (CredentialsSource::Irsa, None) => return Ok(Err(missing_role(precedence))),
        };
        let credentials = Setting { value: credentials, origin: source.origin };
        Ok(Ok(Self { credentials, region, sts_endpoint, audience, token_lifetime }))
    }

    /// Returns the role, unless EKS's agent selects it.
    #[must_use]
    pub fn role(&self) -> Option<Setting<RoleArn<&'a str>>> {
        match self.credentials.value {
            Credentials::Irsa { role, .. } => Some(role),
            Credentials::PodIdentity { .. } => None,
        }
    }

    /// Returns the session name, unless EKS's agent chooses it.
    #[must_use]
    pub fn session_name(&self) -> Option<&Setting<SessionName<'a>>> {
        match &self.credentials.value {
            Credentials::Irsa { session_name, .. } => Some(session_name),
            Credentials::PodIdentity { .. } => None,
        }
    }
}

/// Resolves the source of the AWS credentials: the annotation, else EKS Pod Identity if its webhook has changed the pod and
/// no role is set. If both are present, the role wins, so the result does not depend on the order of the webhooks.
pub(super) fn credentials(precedence: &Precedence<'_>) -> Result<Setting<CredentialsSource>, Denial> {
    let is_detected =
        app_env::carries_pod_identity(precedence.pod) && !precedence.locks(key::AWS_CREDENTIALS);
    let detected = if is_detected && role(precedence).is_none() {
        Setting { value: CredentialsSource::PodIdentity, origin: Origin::Pod }
    } else {
        Setting::built_in(CredentialsSource::Irsa)
    };
    Ok(precedence.optional(key::AWS_CREDENTIALS, parse::aws_credentials)?.unwrap_or(detected))
}

/// Returns the URI of EKS Pod Identity's agent: the one that the app containers use, else the default. Another program on
/// loopback would determine the role.
fn agent_uri<'a>(precedence: &Precedence<'a>) -> Result<&'a str, Denial> {
    let Some(raw) = precedence.variable(&[AWS_CONTAINER_CREDENTIALS_FULL_URI]) else {
        return Ok(POD_IDENTITY_URI);
    };
    if locked_agent(precedence).is_some() {
        let agent = Precedence::read_variable(raw, parse::agent_uri);
        return Ok(agent.map_or(POD_IDENTITY_URI, |uri| uri.value));
    }
    Ok(precedence.read(raw, parse::pod_identity_uri)?.value)
}

/// Returns the locked setting that fixes the source of the credentials, if there is one.
pub(super) fn locked_agent(precedence: &Precedence<'_>) -> Option<&'static str> {
    [key::AWS_CREDENTIALS, key::ROLE_ARN].into_iter().find(|setting| precedence.locks(setting))
}

/// Returns the IAM role: Rolebridge's annotation, else EKS's, else the chart's defaults.
fn role<'a>(precedence: &Precedence<'a>) -> Option<RawSetting<'a>> {
    (precedence.annotated(key::ROLE_ARN))
        .or_else(|| precedence.of_eks(key::ROLE_ARN, eks::ROLE_ARN))
        .or_else(|| precedence.default(key::ROLE_ARN))
}

/// Parses a role, unless the platform team excludes it.
fn allowed_role<'a>(
    precedence: &Precedence<'a>,
    raw: RawSetting<'a>,
) -> Result<Setting<RoleArn<&'a str>>, Denial> {
    let role = precedence.read(raw, parse::role)?;
    let Context { defaults, namespace, .. } = precedence.context;
    if defaults.allows_role(role.value.into_str(), namespace) {
        return Ok(role);
    }
    Err(precedence.deny_excluded(raw, "allowed.roles"))
}

fn audience<'a>(precedence: &Precedence<'a>) -> Result<Setting<&'a str>, Denial> {
    let raw = precedence.of_eks(key::ROLE_ARN, eks::AUDIENCE).filter(|raw| !raw.text.is_empty());
    raw.map_or(Ok(Setting::built_in(TOKEN_AUDIENCE)), |raw| precedence.read(raw, Ok))
}

fn token_lifetime(precedence: &Precedence<'_>) -> Result<Setting<u32>, Denial> {
    let raw = (precedence.annotated(key::AWS_TOKEN_LIFETIME))
        .or_else(|| precedence.of_eks(key::AWS_TOKEN_LIFETIME, eks::TOKEN_EXPIRATION))
        .or_else(|| precedence.default(key::AWS_TOKEN_LIFETIME));
    let lifetime = raw.map(|raw| precedence.read(raw, parse::aws_token_lifetime)).transpose()?;
    Ok(lifetime.unwrap_or(Setting::built_in(TOKEN_LIFETIME)))
}

/// Resolves the region. An annotation's region must be in the role's partition. The app containers' region and the one in
/// the chart's defaults are used only if they are.
fn region<'a>(precedence: &Precedence<'a>, partition: Option<Partition>) -> Result<Setting<&'a str>, Denial> {
    let in_partition =
        |region: &str| partition.is_none_or(|partition| Partition::of_region(region) == partition);
    if let Some(raw) = precedence.annotated(key::AWS_REGION) {
        let region = precedence.read(raw, parse::region)?;
        if !in_partition(region.value) {
            let partition = partition.map_or("", |partition| partition.as_str());
            let expected = format!("a region of the role's partition {partition}");
            return Err(precedence.deny(raw, Reason::BadValue, expected, ""));
        }
        return Ok(region);
    }
    let default =
        precedence.default(key::AWS_REGION).map(|raw| precedence.read(raw, parse::region)).transpose()?;
    let raw = precedence.of_app(key::AWS_REGION, app_env::REGION);
    // With a misspelt region the sidecar would call a host that does not exist.
    let from_app = raw.filter(|raw| parse::is_region_name(raw.text));
    let from_app = from_app.and_then(|raw| Precedence::read_variable(raw, parse::region));
    let built_in = partition.map_or("us-east-1", |partition| partition.default_region);
    Ok([from_app, default]
        .into_iter()
        .flatten()
        .find(|region| in_partition(region.value))
        .unwrap_or(Setting::built_in(built_in)))
}

fn missing_role(precedence: &Precedence<'_>) -> Denial {
    let account = format!("on the service account {}", DisplayName(precedence.pod.service_account()));
    let ignored = |location: &str, setting: &str| {
        format!(" {location} is ignored, because {setting} is locked by the platform team.")
    };
    let is_role_locked = precedence.locks(key::ROLE_ARN);
    let (place, mut fix) = if is_role_locked {
        let namespace = precedence.context.namespace;
        let place = format!("{} on the namespace {namespace} or in the chart's defaults", key::ROLE_ARN);
        (place, "set it in one of these places".to_owned())
    } else {
        let fix = format!("set it to arn:aws:iam::ACCOUNT:role/NAME, or set {}", key::ROLE_ARN);
        (format!("{} {account}", eks::ROLE_ARN), fix)
    };
    let mut reasons = String::new();
    let declared = precedence.context.service_account.and_then(|account| account.annotation(eks::ROLE_ARN));
    if is_role_locked && declared.is_some() {
        reasons += &ignored(&format!("{} {account}", eks::ROLE_ARN), key::ROLE_ARN);
    }
    if !precedence.locks(key::AWS_CREDENTIALS) {
        let separator = if is_role_locked { ", or set" } else { " or" };
        fix = format!("{fix}{separator} {}: \"pod-identity\" on the pod", key::AWS_CREDENTIALS);
    } else if app_env::carries_pod_identity(precedence.pod) {
        reasons +=
            &ignored(&format!("{AWS_CONTAINER_CREDENTIALS_FULL_URI} on the pod"), key::AWS_CREDENTIALS);
    }
    let message = format!("{place}: expected an IAM role, found none.{reasons} Fix: {fix}.");
    Denial::for_settings(Reason::NoAwsIdentity, message)
}
