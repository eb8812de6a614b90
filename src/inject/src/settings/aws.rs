//! What the pod is at AWS: its credentials, the projected token that gets them, the region.

use rolebridge_core::annotations::{self as key, eks};
use rolebridge_core::aws::{
    CredentialsSource, POD_IDENTITY_TOKEN_AUDIENCE, POD_IDENTITY_URI, Partition, TOKEN_AUDIENCE,
};
use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;
use rolebridge_core::identity::Identity;

use super::parse::{self, RoleArn};
use super::precedence::{Precedence, RawSetting};
use super::session_name::{self, SessionName};
use super::{Origin, Setting, app_env};
use crate::message::DisplayName;
use crate::{Denial, Reason};

/// Seconds of the projected token, as EKS has it.
const TOKEN_LIFETIME: u32 = 86_400;

/// AWS's side of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws<'a> {
    /// Whose credentials, and where they come from.
    pub credentials: Setting<Credentials<'a>>,
    /// The region whose AWS STS is asked.
    pub region: Setting<&'a str>,
    /// Another endpoint for the calls to AWS STS.
    pub sts_endpoint: Option<Setting<&'a str>>,
    /// The audience of the projected token.
    pub audience: Setting<&'a str>,
    /// Seconds of the projected token.
    pub token_lifetime: Setting<u32>,
}

/// Where AWS credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials<'a> {
    /// AWS STS, which takes the projected token.
    Irsa {
        /// The IAM role.
        role: Setting<RoleArn<&'a str>>,
        /// The role session name.
        session_name: Setting<SessionName<'a>>,
    },
    /// EKS Pod Identity's agent, which takes the projected token, and knows the role.
    PodIdentity {
        /// Where it answers.
        uri: &'a str,
    },
}

impl Credentials<'_> {
    /// As the annotation says it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Irsa { .. } => CredentialsSource::Irsa.as_str(),
            Self::PodIdentity { .. } => CredentialsSource::PodIdentity.as_str(),
        }
    }
}

impl<'a> Aws<'a> {
    /// See [`Google::resolve`](super::google::Google): the inner error is a lack.
    pub(super) fn resolve(
        precedence: &Precedence<'a>,
        identity: Identity,
        kind: Setting<CredentialsSource>,
    ) -> Result<Result<Self, Denial>, Denial> {
        let named = role(precedence).filter(|_| kind.value == CredentialsSource::Irsa);
        let role = named.map(|found| precedence.read(found, parse::role)).transpose()?;
        let said_name = precedence.optional(key::SESSION_NAME, parse::session_name)?;
        let token_lifetime = token_lifetime(precedence)?;
        let sts_endpoint = precedence.optional(key::AWS_STS_ENDPOINT, parse::endpoint)?;
        let region = region(precedence, role.map(|role| role.value.partition()))?;
        let (credentials, audience) = match (kind.value, role) {
            (CredentialsSource::PodIdentity, _) => (
                Credentials::PodIdentity { uri: agent(precedence)? },
                Setting::built_in(POD_IDENTITY_TOKEN_AUDIENCE),
            ),
            (CredentialsSource::Irsa, Some(role)) => {
                let session_name = session_name::resolve(precedence, identity, role, said_name)?;
                (Credentials::Irsa { role, session_name }, audience(precedence))
            }
            (CredentialsSource::Irsa, None) => return Ok(Err(no_role(precedence))),
        };
        let credentials = Setting { value: credentials, origin: kind.origin };
        Ok(Ok(Self { credentials, region, sts_endpoint, audience, token_lifetime }))
    }

    /// The role, unless only EKS's agent knows it.
    #[must_use]
    pub fn role(&self) -> Option<Setting<RoleArn<&'a str>>> {
        match self.credentials.value {
            Credentials::Irsa { role, .. } => Some(role),
            Credentials::PodIdentity { .. } => None,
        }
    }

    /// The session's name, unless EKS's agent makes one.
    #[must_use]
    pub fn session_name(&self) -> Option<&Setting<SessionName<'a>>> {
        match &self.credentials.value {
            Credentials::Irsa { session_name, .. } => Some(session_name),
            Credentials::PodIdentity { .. } => None,
        }
    }
}

/// Where AWS credentials come from: what somebody said, else EKS Pod Identity if its webhook has been here and nobody
/// names a role. A role decides it even where both are there, so that the order of the webhooks does not.
pub(super) fn credentials(precedence: &Precedence<'_>) -> Result<Setting<CredentialsSource>, Denial> {
    let found = if app_env::carries_pod_identity(precedence.pod) && role(precedence).is_none() {
        Setting { value: CredentialsSource::PodIdentity, origin: Origin::Pod }
    } else {
        Setting::built_in(CredentialsSource::Irsa)
    };
    Ok(precedence.optional(key::AWS_CREDENTIALS, parse::aws_credentials)?.unwrap_or(found))
}

/// Where EKS Pod Identity's agent answers: where the app's containers ask it.
fn agent<'a>(precedence: &Precedence<'a>) -> Result<&'a str, Denial> {
    const KEY: &str = AWS_CONTAINER_CREDENTIALS_FULL_URI;
    let Some(text) = app_env::value(precedence.pod, &[KEY]) else { return Ok(POD_IDENTITY_URI) };
    let found = RawSetting { key: KEY, text, origin: Origin::Pod };
    Ok(precedence.read(found, parse::pod_identity_uri)?.value)
}

/// The IAM role, EKS's own annotation after ours and before the chart's.
fn role<'a>(precedence: &Precedence<'a>) -> Option<RawSetting<'a>> {
    (precedence.annotated(key::ROLE_ARN))
        .or_else(|| precedence.of_service_account(eks::ROLE_ARN))
        .or_else(|| precedence.default(key::ROLE_ARN))
}

fn audience<'a>(precedence: &Precedence<'a>) -> Setting<&'a str> {
    let found = precedence.of_service_account(eks::AUDIENCE).filter(|found| !found.text.is_empty());
    found.map_or(Setting::built_in(TOKEN_AUDIENCE), |found| Setting {
        value: found.text,
        origin: found.origin,
    })
}

fn token_lifetime(precedence: &Precedence<'_>) -> Result<Setting<u32>, Denial> {
    let found = (precedence.annotated(key::AWS_TOKEN_LIFETIME))
        .or_else(|| precedence.of_service_account(eks::TOKEN_EXPIRATION))
        .or_else(|| precedence.default(key::AWS_TOKEN_LIFETIME));
    let read = found.map(|found| precedence.read(found, parse::aws_token_lifetime)).transpose()?;
    Ok(read.unwrap_or(Setting::built_in(TOKEN_LIFETIME)))
}

/// An annotation's region must lie in the role's partition; one that the app's containers use, or the chart's, is only
/// taken if it does.
fn region<'a>(precedence: &Precedence<'a>, partition: Option<Partition>) -> Result<Setting<&'a str>, Denial> {
    let fits = |region: &str| partition.is_none_or(|partition| Partition::of_region(region) == partition);
    if let Some(found) = precedence.annotated(key::AWS_REGION) {
        let region = precedence.read(found, parse::region)?;
        if !fits(region.value) {
            let partition = partition.map_or("", |partition| partition.as_str());
            let end = format!("is not a region of the role's partition {partition}");
            return Err(precedence.deny(found, Reason::BadValue, end));
        }
        return Ok(region);
    }
    let default =
        precedence.default(key::AWS_REGION).map(|found| precedence.read(found, parse::region)).transpose()?;
    let of_app = app_env::value(precedence.pod, &["AWS_REGION", "AWS_DEFAULT_REGION"])
        .and_then(|text| parse::region(text).ok())
        .map(|value| Setting { value, origin: Origin::Pod });
    let built_in = partition.map_or("us-east-1", |partition| partition.default_region);
    Ok([of_app, default]
        .into_iter()
        .flatten()
        .find(|region| fits(region.value))
        .unwrap_or(Setting::built_in(built_in)))
}

fn no_role(precedence: &Precedence<'_>) -> Denial {
    let account = DisplayName(precedence.pod.service_account());
    Denial::of_settings(
        Reason::NoAwsIdentity,
        format!(
            "The service account {account} names no IAM role. Annotate it with {}: \
             arn:aws:iam::ACCOUNT:role/NAME, or the pod with {}, or with {}: pod-identity.",
            eks::ROLE_ARN,
            key::ROLE_ARN,
            key::AWS_CREDENTIALS
        ),
    )
}
