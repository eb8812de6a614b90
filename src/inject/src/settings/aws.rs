//! What the pod is at AWS: its credentials, the projected token that gets them, the region.

use rolebridge_core::annotations::{self as key, eks};
use rolebridge_core::aws::{
    CredentialsSource, POD_IDENTITY_TOKEN_AUDIENCE, POD_IDENTITY_URI, Partition, TOKEN_AUDIENCE,
};
use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;
use rolebridge_core::identity::Identity;

use super::places::{Found, Places};
use super::session::{self, SessionName};
use super::value::{self, Role};
use super::{Origin, Setting, agreed};
use crate::sentence::Name;
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
        role: Setting<Role<'a>>,
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
            Self::Irsa { .. } => CredentialsSource::Irsa.name(),
            Self::PodIdentity { .. } => CredentialsSource::PodIdentity.name(),
        }
    }
}

impl<'a> Aws<'a> {
    /// See [`Google::resolve`](super::google::Google): the inner error is a lack.
    pub(super) fn resolve(
        places: &Places<'a>,
        identity: Identity,
        kind: Setting<CredentialsSource>,
    ) -> Result<Result<Self, Denial>, Denial> {
        let named = role(places).filter(|_| kind.value == CredentialsSource::Irsa);
        let role = named.map(|found| places.read(found, value::role)).transpose()?;
        let said_name = places.optional(key::SESSION_NAME, value::session_name)?;
        let token_lifetime = token_lifetime(places)?;
        let sts_endpoint = places.optional(key::AWS_STS_ENDPOINT, value::endpoint)?;
        let region = region(places, role.map(|role| role.value.partition))?;
        let (credentials, audience) = match (kind.value, role) {
            (CredentialsSource::PodIdentity, _) => (
                Credentials::PodIdentity { uri: agent(places)? },
                Setting::built_in(POD_IDENTITY_TOKEN_AUDIENCE),
            ),
            (CredentialsSource::Irsa, Some(role)) => {
                let session_name = session::name(places, identity, role, said_name)?;
                (Credentials::Irsa { role, session_name }, audience(places))
            }
            (CredentialsSource::Irsa, None) => return Ok(Err(no_role(places))),
        };
        let credentials = Setting { value: credentials, origin: kind.origin };
        Ok(Ok(Self { credentials, region, sts_endpoint, audience, token_lifetime }))
    }

    /// The role, unless only EKS's agent knows it.
    #[must_use]
    pub fn role(&self) -> Option<Setting<Role<'a>>> {
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
pub(super) fn credentials(places: &Places<'_>) -> Result<Setting<CredentialsSource>, Denial> {
    let found = if agreed::carries_pod_identity(places.pod) && role(places).is_none() {
        Setting { value: CredentialsSource::PodIdentity, origin: Origin::Pod }
    } else {
        Setting::built_in(CredentialsSource::Irsa)
    };
    Ok(places.optional(key::AWS_CREDENTIALS, value::aws_credentials)?.unwrap_or(found))
}

/// Where EKS Pod Identity's agent answers: where the app's containers ask it.
fn agent<'a>(places: &Places<'a>) -> Result<&'a str, Denial> {
    const KEY: &str = AWS_CONTAINER_CREDENTIALS_FULL_URI;
    let Some(text) = agreed::value(places.pod, &[KEY]) else { return Ok(POD_IDENTITY_URI) };
    let found = Found { key: KEY, text, origin: Origin::Pod };
    Ok(places.read(found, value::pod_identity_uri)?.value)
}

/// The IAM role, EKS's own annotation after ours and before the chart's.
fn role<'a>(places: &Places<'a>) -> Option<Found<'a>> {
    (places.annotated(key::ROLE_ARN))
        .or_else(|| places.of_service_account(eks::ROLE_ARN))
        .or_else(|| places.default(key::ROLE_ARN))
}

fn audience<'a>(places: &Places<'a>) -> Setting<&'a str> {
    let found = places.of_service_account(eks::AUDIENCE).filter(|found| !found.text.is_empty());
    found.map_or(Setting::built_in(TOKEN_AUDIENCE), |found| Setting {
        value: found.text,
        origin: found.origin,
    })
}

fn token_lifetime(places: &Places<'_>) -> Result<Setting<u32>, Denial> {
    let found = (places.annotated(key::AWS_TOKEN_LIFETIME))
        .or_else(|| places.of_service_account(eks::TOKEN_EXPIRATION))
        .or_else(|| places.default(key::AWS_TOKEN_LIFETIME));
    let read = found.map(|found| places.read(found, value::aws_token_lifetime)).transpose()?;
    Ok(read.unwrap_or(Setting::built_in(TOKEN_LIFETIME)))
}

/// An annotation's region must lie in the role's partition; one that the app's containers use, or the chart's, is only
/// taken if it does.
fn region<'a>(places: &Places<'a>, partition: Option<Partition>) -> Result<Setting<&'a str>, Denial> {
    let fits = |region: &str| partition.is_none_or(|partition| Partition::of_region(region) == partition);
    if let Some(found) = places.annotated(key::AWS_REGION) {
        let region = places.read(found, value::region)?;
        if !fits(region.value) {
            let partition = partition.map_or("", |partition| partition.name);
            let end = format!("is not a region of the role's partition {partition}");
            return Err(places.refuse(found, Reason::BadValue, end));
        }
        return Ok(region);
    }
    let default =
        places.default(key::AWS_REGION).map(|found| places.read(found, value::region)).transpose()?;
    let of_app = agreed::value(places.pod, &["AWS_REGION", "AWS_DEFAULT_REGION"])
        .and_then(|text| value::region(text).ok())
        .map(|value| Setting { value, origin: Origin::Pod });
    let built_in = partition.map_or("us-east-1", |partition| partition.default_region);
    Ok([of_app, default]
        .into_iter()
        .flatten()
        .find(|region| fits(region.value))
        .unwrap_or(Setting::built_in(built_in)))
}

fn no_role(places: &Places<'_>) -> Denial {
    let account = Name(places.pod.service_account());
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
