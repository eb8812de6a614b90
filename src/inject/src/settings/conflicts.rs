//! Settings that have no effect with another setting.
//!
//! A value is denied only if its precedence is at least that of the conflicting setting. A service account, a namespace and
//! the defaults apply to many pods, and the conflict may affect only one of them.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::identity::Identity;

use super::origin::Setting;
use super::precedence::Precedence;
use crate::denial::Denial;
use crate::metadata_dependency::MetadataDependency;
use crate::reason::Reason;

/// A setting that excludes others: its annotation, value and origin.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExclusiveSetting {
    key: &'static str,
    setting: Setting<&'static str>,
}

impl ExclusiveSetting {
    fn identity(identity: Setting<Identity>) -> Self {
        Self { key: key::IDENTITY, setting: identity.map(Identity::as_str) }
    }

    fn credentials(source: Setting<CredentialsSource>) -> Self {
        Self { key: key::AWS_CREDENTIALS, setting: source.map(CredentialsSource::as_str) }
    }

    /// Returns the setting that excludes the source `loopback`, if there is one. `loopback` serves AWS credentials, which
    /// must be useless except to prove the identity of a role.
    pub(super) fn without_loopback(
        identity: Setting<Identity>,
        credentials: Setting<CredentialsSource>,
    ) -> Option<Self> {
        match (identity.value, credentials.value) {
            (Identity::AwsRole, CredentialsSource::Irsa) => None,
            // Rolebridge's session policy does not apply to the agent's session.
            (Identity::AwsRole, CredentialsSource::PodIdentity) => Some(Self::credentials(credentials)),
            (Identity::AwsJwt | Identity::Kubernetes, _) => Some(Self::identity(identity)),
        }
    }

    /// Denies a source `loopback` with at least the precedence of this setting.
    pub(super) fn check_loopback(&self, precedence: &Precedence<'_>) -> Result<(), Denial> {
        self.deny(precedence, key::SOURCE, "\"file\" or \"metadata\", because \"loopback\"", "")
    }

    /// Denies an annotation with at least the precedence of this setting.
    fn deny(
        &self,
        precedence: &Precedence<'_>,
        annotation: &'static str,
        expected: &str,
        fix: &str,
    ) -> Result<(), Denial> {
        let Setting { value, origin } = self.setting;
        match precedence.annotated(annotation).filter(|raw| raw.origin <= origin) {
            None => Ok(()),
            Some(raw) => {
                let origin = precedence.describe_origin(origin);
                let expected = format!("{expected} has no effect with {}: \"{value}\" ({origin})", self.key);
                let denial = precedence.deny(raw, Reason::BadValue, expected, fix);
                Err(Denial { depends_on_metadata: MetadataDependency::BOTH, ..denial })
            }
        }
    }

    fn check(&self, precedence: &Precedence<'_>, annotations: &[&'static str]) -> Result<(), Denial> {
        annotations.iter().try_for_each(|annotation| {
            self.deny(precedence, annotation, "no value, because it", "remove one of them")
        })
    }
}

/// Denies AWS settings that have no effect with an identity that does not use AWS, or with EKS Pod Identity's agent.
pub(super) fn check_aws(
    precedence: &Precedence<'_>,
    identity: Setting<Identity>,
    credentials: Setting<CredentialsSource>,
) -> Result<(), Denial> {
    let without_effect_by_identity: &[_] = match identity.value {
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
    ExclusiveSetting::identity(identity).check(precedence, without_effect_by_identity)?;
    let without_effect_by_credentials: &[_] = match (identity.value, credentials.value) {
        (Identity::Kubernetes, _) | (_, CredentialsSource::Irsa) => &[],
        // The agent provides the credentials, and signing needs no call.
        (Identity::AwsRole, CredentialsSource::PodIdentity) => {
            &[key::ROLE_ARN, key::SESSION_NAME, key::AWS_STS_ENDPOINT]
        }
        (Identity::AwsJwt, CredentialsSource::PodIdentity) => &[key::ROLE_ARN, key::SESSION_NAME],
    };
    ExclusiveSetting::credentials(credentials).check(precedence, without_effect_by_credentials)
}
