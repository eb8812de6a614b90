//! The settings of the pod's identity and of the credential that proves it.

use std::path::PathBuf;

use rolebridge_core::aws::{CredentialsSource, Partition, RoleArn};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::identity::Identity;
use rolebridge_core::parse;

use super::connection::Connection;
use super::env::{Env, SettingsError};
use super::provider::Provider;

/// The settings that a subject token needs.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// The kind of identity.
    pub kind: Identity,
    /// The source of the credential.
    pub source: IdentitySource,
    /// The provider that accepts the subject token.
    pub provider: Provider,
    /// The connections to AWS and Google.
    pub connection: Connection,
}

/// The source of the credential that proves the identity.
#[derive(Debug, Clone)]
pub enum IdentitySource {
    /// AWS STS.
    Aws(AwsSettings),
    /// A projected token of the cluster's own issuer.
    Kubernetes {
        /// The projected token's file.
        token_file: PathBuf,
    },
}

/// The settings of an IAM role's identity.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// The kind of subject token that a session makes.
    pub subject_token: AwsSubjectToken,
    /// The source of the session.
    pub credentials: AwsCredentials,
    /// The region of AWS STS for calls and signatures.
    pub region: String,
    /// An endpoint for calls to AWS STS, instead of the public one.
    pub sts_endpoint: Option<String>,
}

/// The kind of subject token that an AWS session makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsSubjectToken {
    /// A signed `GetCallerIdentity` request.
    SignedRequest,
    /// A JSON web token of AWS STS.
    WebToken,
}

/// The source of an AWS session.
#[derive(Debug, Clone)]
pub enum AwsCredentials {
    /// `AssumeRoleWithWebIdentity`.
    WebIdentity(WebIdentity),
    /// The EKS Pod Identity agent.
    PodIdentity(PodIdentity),
}

/// A role and the projected token for it.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    /// The IAM role.
    pub role: RoleArn,
    /// The role session name.
    pub session_name: String,
    /// The projected token's file.
    pub token_file: PathBuf,
}

/// The EKS Pod Identity agent and the projected token for it.
#[derive(Debug, Clone)]
pub struct PodIdentity {
    /// The agent's URI for credentials.
    pub uri: String,
    /// The projected token's file.
    pub authorization_file: PathBuf,
}

impl IdentitySettings {
    /// Reads the variables.
    ///
    /// # Errors
    /// Returns an error for the first variable that is missing or invalid.
    pub fn read(env: &Env<'_>) -> Result<Self, SettingsError> {
        let kind = env.optional(names::IDENTITY, parse::identity)?.unwrap_or(Identity::AwsRole);
        let source = match kind {
            Identity::AwsRole => IdentitySource::Aws(AwsSettings::read(env, AwsSubjectToken::SignedRequest)?),
            Identity::AwsJwt => IdentitySource::Aws(AwsSettings::read(env, AwsSubjectToken::WebToken)?),
            Identity::Kubernetes => {
                IdentitySource::Kubernetes { token_file: env.required_path(names::IDENTITY_TOKEN_FILE)? }
            }
        };
        let provider = Provider::read(env)?;
        Ok(Self { kind, source, provider, connection: Connection::read(env)? })
    }

    /// Returns the AWS region, if AWS proves the identity.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match &self.source {
            IdentitySource::Aws(aws) => Some(&aws.region),
            IdentitySource::Kubernetes { .. } => None,
        }
    }

    /// Returns the region and the role of the session that the IMDS server may serve: one that can do nothing but prove
    /// the role.
    #[must_use]
    pub fn imds_session(&self) -> Option<(&str, &RoleArn)> {
        match &self.source {
            IdentitySource::Aws(AwsSettings {
                subject_token: AwsSubjectToken::SignedRequest,
                credentials: AwsCredentials::WebIdentity(identity),
                region,
                ..
            }) => Some((region, &identity.role)),
            _ => None,
        }
    }
}

impl AwsSettings {
    fn read(env: &Env<'_>, subject_token: AwsSubjectToken) -> Result<Self, SettingsError> {
        let source = env.optional(names::AWS_CREDENTIALS, parse::aws_credentials)?;
        let (credentials, region) = match source.unwrap_or(CredentialsSource::Irsa) {
            CredentialsSource::Irsa => WebIdentity::read(env)?,
            CredentialsSource::PodIdentity => PodIdentity::read(env)?,
        };
        let sts_endpoint = env.optional_text(names::AWS_ENDPOINT_URL_STS, parse::endpoint)?;
        Ok(Self { subject_token, credentials, region, sts_endpoint })
    }
}

impl WebIdentity {
    fn read(env: &Env<'_>) -> Result<(AwsCredentials, String), SettingsError> {
        let parse_role = |text: &str| RoleArn::parse(text).map(RoleArn::into_owned);
        let role = env.required(names::AWS_ROLE_ARN, parse_role)?;
        let region = env.required_text(names::AWS_REGION, parse::region)?;
        let partition = Partition::of_region(&region);
        if partition != role.partition() {
            return Err(SettingsError::other_partition(&region, partition, &role));
        }
        let session_name = env.required_text(names::AWS_ROLE_SESSION_NAME, parse::session_name)?;
        let token_file = env.required_path(names::AWS_WEB_IDENTITY_TOKEN_FILE)?;
        Ok((AwsCredentials::WebIdentity(Self { role, session_name, token_file }), region))
    }
}

impl PodIdentity {
    /// Reads the variables. The agent chooses the role.
    fn read(env: &Env<'_>) -> Result<(AwsCredentials, String), SettingsError> {
        let uri = env.required_text(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, parse::pod_identity_uri)?;
        let authorization_file = env.required_path(names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE)?;
        let region = env.required_text(names::AWS_REGION, parse::region)?;
        Ok((AwsCredentials::PodIdentity(Self { uri, authorization_file }), region))
    }
}
