//! What the pod is at AWS: the role, its session, the projected token, the region.

use rolebridge_contract::annotations::{self as key, eks};
use rolebridge_contract::aws::{Partition, TOKEN_AUDIENCE};

use super::places::Places;
use super::session::{self, SessionName};
use super::value::{self, Role};
use super::{Origin, Setting, agreed};
use crate::sentence::Name;
use crate::{Reason, Refusal};

/// Seconds of the projected token, as EKS has it.
const TOKEN_LIFETIME: u32 = 86_400;

/// AWS's side of the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws<'a> {
    /// What the pod proves.
    pub identity: Setting<&'a str>,
    /// Where its credentials come from.
    pub credentials: Setting<&'a str>,
    /// The IAM role.
    pub role: Setting<Role<'a>>,
    /// The role session name.
    pub session_name: Setting<SessionName<'a>>,
    /// The region whose AWS STS is asked.
    pub region: Setting<&'a str>,
    /// Another endpoint for the calls to AWS STS.
    pub sts_endpoint: Option<Setting<&'a str>>,
    /// The audience of the projected token.
    pub audience: Setting<&'a str>,
    /// Seconds of the projected token.
    pub token_lifetime: Setting<u32>,
}

impl<'a> Aws<'a> {
    /// See [`Google::resolve`](super::google::Google): the inner error is a lack.
    pub(super) fn resolve(places: &Places<'a>) -> Result<Result<Self, Refusal>, Refusal> {
        let identity = places.or(key::IDENTITY, value::identity, value::DEFAULT_IDENTITY)?;
        let credentials = places.or(key::AWS_CREDENTIALS, value::credentials, value::DEFAULT_CREDENTIALS)?;
        let found = (places.annotated(key::ROLE_ARN))
            .or_else(|| places.of_service_account(eks::ROLE_ARN))
            .or_else(|| places.default(key::ROLE_ARN));
        let role = found.map(|found| places.read(found, value::role)).transpose()?;
        let session_name = places.optional(key::SESSION_NAME, value::session_name)?;
        let token_lifetime = token_lifetime(places)?;
        let sts_endpoint = places.optional(key::AWS_STS_ENDPOINT, value::endpoint)?;
        let partition = role.map(|role| role.value.partition);
        let region = region(places, partition)?;
        let Some(role) = role else { return Ok(Err(no_role(places, credentials.origin))) };
        Ok(Ok(Self {
            identity,
            credentials,
            session_name: session::name(places, role, session_name)?,
            role,
            region,
            sts_endpoint,
            audience: audience(places),
            token_lifetime,
        }))
    }
}

fn audience<'a>(places: &Places<'a>) -> Setting<&'a str> {
    let found = places.of_service_account(eks::AUDIENCE).filter(|found| !found.text.is_empty());
    found.map_or(Setting::built_in(TOKEN_AUDIENCE), |found| Setting {
        value: found.text,
        origin: found.origin,
    })
}

fn token_lifetime(places: &Places<'_>) -> Result<Setting<u32>, Refusal> {
    let found = (places.annotated(key::AWS_TOKEN_LIFETIME))
        .or_else(|| places.of_service_account(eks::TOKEN_EXPIRATION))
        .or_else(|| places.default(key::AWS_TOKEN_LIFETIME));
    let read = found.map(|found| places.read(found, value::aws_token_lifetime)).transpose()?;
    Ok(read.unwrap_or(Setting::built_in(TOKEN_LIFETIME)))
}

/// An annotation's region must lie in the role's partition; one that the app's containers use, or the chart's, is only
/// taken if it does.
fn region<'a>(places: &Places<'a>, partition: Option<Partition>) -> Result<Setting<&'a str>, Refusal> {
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

fn no_role(places: &Places<'_>, credentials: Origin) -> Refusal {
    let account = Name(places.pod.service_account());
    let pod_identity = if credentials == Origin::BuiltIn && agreed::carries_pod_identity(places.pod) {
        " The pod carries EKS Pod Identity, which is not supported yet."
    } else {
        ""
    };
    Refusal::of_settings(
        Reason::NoAwsIdentity,
        format!(
            "The service account {account} names no IAM role. Annotate it with {}: \
             arn:aws:iam::ACCOUNT:role/NAME, or the pod with {}.{pod_identity}",
            eks::ROLE_ARN,
            key::ROLE_ARN
        ),
    )
}
