//! What means nothing beside what else was said.
//!
//! A value is refused only if it was said as close to the pod as what takes its meaning away, or closer: a service
//! account, a namespace and the chart speak for many pods, of which one may be another case.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::identity::Identity;
use rolebridge_core::token_outputs::{self, Output};

use super::precedence::{Precedence, RawSetting};
use super::token_source::TokenSource;
use super::{Setting, Settings};
use crate::{Denial, Reason};

/// A setting that decides what others mean: its annotation, its value and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExclusiveSetting {
    key: &'static str,
    setting: Setting<&'static str>,
}

impl ExclusiveSetting {
    pub(super) fn identity(identity: Setting<Identity>) -> Self {
        Self { key: key::IDENTITY, setting: identity.map(Identity::as_str) }
    }

    pub(super) fn credentials(kind: Setting<CredentialsSource>) -> Self {
        Self { key: key::AWS_CREDENTIALS, setting: kind.map(CredentialsSource::as_str) }
    }

    /// Refuses an annotation that stands as close to the pod as this.
    fn deny(&self, precedence: &Precedence<'_>, other: &'static str, instead: &str) -> Result<(), Denial> {
        let Setting { value, origin } = self.setting;
        match precedence.annotated(other).filter(|found| found.origin <= origin) {
            None => Ok(()),
            Some(found) => {
                let place = precedence.describe_origin(origin);
                let end = format!("means nothing with {}: \"{value}\" ({place}){instead}", self.key);
                let refusal = precedence.deny(found, Reason::BadValue, end);
                Err(Denial { depends_on_metadata: true, ..refusal })
            }
        }
    }
}

/// Settings of AWS that an identity without it, or EKS's agent, takes the meaning of.
pub(super) fn check_aws(
    precedence: &Precedence<'_>,
    identity: Setting<Identity>,
    credentials: Setting<CredentialsSource>,
) -> Result<(), Denial> {
    let of_identity: &[_] = match identity.value {
        Identity::AwsRole | Identity::AwsJwt => &[],
        Identity::Kubernetes => &[
            key::ROLE_ARN,
            key::SESSION_NAME,
            key::AWS_CREDENTIALS,
            key::AWS_REGION,
            key::AWS_STS_ENDPOINT,
            key::AWS_TOKEN_LIFETIME,
        ],
    };
    of_identity
        .iter()
        .try_for_each(|other| ExclusiveSetting::identity(identity).deny(precedence, other, ""))?;
    let of_agent: &[_] = match (identity.value, credentials.value) {
        (Identity::Kubernetes, _) | (_, CredentialsSource::Irsa) => &[],
        // The agent gives credentials, and a request is signed without a call.
        (Identity::AwsRole, CredentialsSource::PodIdentity) => {
            &[key::ROLE_ARN, key::SESSION_NAME, key::AWS_STS_ENDPOINT]
        }
        (Identity::AwsJwt, CredentialsSource::PodIdentity) => &[key::ROLE_ARN, key::SESSION_NAME],
    };
    of_agent
        .iter()
        .try_for_each(|other| ExclusiveSetting::credentials(credentials).deny(precedence, other, ""))
}

/// What rules the source `loopback` out, if something does: it hands out AWS credentials, which must be worth nothing
/// but the identity of a role.
pub(super) fn without_loopback(
    identity: Setting<Identity>,
    credentials: Setting<CredentialsSource>,
) -> Option<ExclusiveSetting> {
    match (identity.value, credentials.value) {
        (Identity::AwsRole, CredentialsSource::Irsa) => None,
        // Its session is under no policy of ours.
        (Identity::AwsRole, CredentialsSource::PodIdentity) => {
            Some(ExclusiveSetting::credentials(credentials))
        }
        (Identity::AwsJwt | Identity::Kubernetes, _) => Some(ExclusiveSetting::identity(identity)),
    }
}

/// TokenSources that are as close to the pod as what rules `loopback` out, and yet have it.
pub(super) fn check_loopback(precedence: &Precedence<'_>, decider: &ExclusiveSetting) -> Result<(), Denial> {
    decider.deny(precedence, key::SOURCE, "; the sources \"file\" and \"metadata\" do")
}

/// Impersonation, as far as the app's library or the sidecar can do it.
pub(super) fn check_google(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let Settings { google, sources, outputs, .. } = settings;
    let refuse = |found: Option<RawSetting<'_>>, end: &str| {
        found.map_or(Ok(()), |found| Err(precedence.deny(found, Reason::BadValue, end)))
    };
    if google.delegates.is_some() {
        if google.service_account.is_none() {
            let end = "means nothing without rolebridge.io/service-account, in which the chain ends";
            return refuse(precedence.annotated(key::DELEGATES), end);
        }
        if sources.value.in_use().any(|source| source != TokenSource::Metadata) {
            let end = "is only possible with rolebridge.io/source: \"metadata\" for all containers: the configuration of \
                       Google's libraries has no place for a chain";
            return refuse(precedence.find(key::DELEGATES), end);
        }
    }
    let is_id_token = |(output, _): &(Output<'_>, String)| matches!(output, Output::IdToken { .. });
    let asks_for_id = outputs
        .and_then(|said| token_outputs::parse(said.value).ok())
        .is_some_and(|all| all.iter().any(is_id_token));
    if asks_for_id && google.service_account.is_none() {
        let end = "has an ID token, which only a rolebridge.io/service-account has";
        return refuse(precedence.find(key::OUTPUTS), end);
    }
    Ok(())
}
