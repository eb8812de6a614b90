//! Who the pod is, and how that is proved.

use std::path::PathBuf;

use rolebridge_core::aws::{CredentialsSource, Partition, RoleArn};
use rolebridge_core::env::sidecar as names;
use rolebridge_core::identity::Identity as Kind;
use rolebridge_core::parse as core_parse;

use super::Connection;
use super::parse::{self, Provider, owned};
use super::variables::{SettingsError, Variables};

/// All that it takes to make one subject token.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What the pod proves.
    pub kind: Kind,
    /// How.
    pub proof: Proof,
    /// To whom.
    pub provider: Provider,
    /// How the clouds are reached.
    pub connection: Connection,
}

/// How an identity is proved.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By AWS STS.
    Aws(Aws),
    /// By a projected token of the cluster's own issuer.
    Kubernetes {
        /// The projected token's file.
        token_file: PathBuf,
    },
}

/// An IAM role's proof.
#[derive(Debug, Clone)]
pub struct Aws {
    /// What is made with the session.
    pub proof: AwsProof,
    /// Where the session comes from.
    pub credentials: AwsCredentials,
    /// The region whose AWS STS is asked and signed for.
    pub region: String,
    /// Another endpoint for the calls to AWS STS.
    pub sts_endpoint: Option<String>,
}

/// What is made with an AWS session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsProof {
    /// A signed `GetCallerIdentity` request.
    SignedRequest,
    /// A JSON web token of AWS STS.
    WebToken,
}

/// Where an AWS session comes from.
#[derive(Debug, Clone)]
pub enum AwsCredentials {
    /// `AssumeRoleWithWebIdentity`.
    WebIdentity(WebIdentity),
    /// EKS Pod Identity's agent.
    PodIdentity(PodIdentity),
}

/// A role and the projected token for it.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    /// The IAM role to assume.
    pub role: RoleArn,
    /// The role session name.
    pub session_name: String,
    /// The projected token's file.
    pub token_file: PathBuf,
}

/// The agent and the projected token for it.
#[derive(Debug, Clone)]
pub struct PodIdentity {
    /// Where it gives credentials.
    pub uri: String,
    /// The projected token's file.
    pub authorization_file: PathBuf,
}

impl Identity {
    /// Reads these alone.
    ///
    /// # Errors
    /// The first variable that is missing or bad.
    pub fn read(variables: &Variables<'_>) -> Result<Self, SettingsError> {
        let kind = variables.optional(names::IDENTITY, core_parse::identity)?.unwrap_or(Kind::AwsRole);
        let proof = match kind {
            Kind::AwsRole => Proof::Aws(Aws::read(variables, AwsProof::SignedRequest)?),
            Kind::AwsJwt => Proof::Aws(Aws::read(variables, AwsProof::WebToken)?),
            Kind::Kubernetes => {
                Proof::Kubernetes { token_file: variables.required(names::IDENTITY_TOKEN_FILE, parse::file)? }
            }
        };
        let provider = variables.required(names::AUDIENCE, parse::provider)?;
        Ok(Self { kind, proof, provider, connection: Connection::read(variables)? })
    }

    /// The AWS region, where AWS has a part in the proof.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        match &self.proof {
            Proof::Aws(aws) => Some(&aws.region),
            Proof::Kubernetes { .. } => None,
        }
    }

    /// What the loopback server serves a session of: a session that may do nothing else than prove a role.
    #[must_use]
    pub fn loopback(&self) -> Option<(&str, &RoleArn)> {
        match &self.proof {
            Proof::Aws(Aws {
                proof: AwsProof::SignedRequest,
                credentials: AwsCredentials::WebIdentity(identity),
                region,
                ..
            }) => Some((region, &identity.role)),
            _ => None,
        }
    }
}

impl Aws {
    fn read(variables: &Variables<'_>, proof: AwsProof) -> Result<Self, SettingsError> {
        let source = variables.optional(names::AWS_CREDENTIALS, core_parse::aws_credentials)?;
        let (credentials, region) = match source.unwrap_or(CredentialsSource::Irsa) {
            CredentialsSource::Irsa => WebIdentity::read(variables)?,
            CredentialsSource::PodIdentity => PodIdentity::read(variables)?,
        };
        let sts_endpoint = variables.optional(names::AWS_ENDPOINT_URL_STS, owned(core_parse::endpoint))?;
        Ok(Self { proof, credentials, region, sts_endpoint })
    }
}

impl WebIdentity {
    fn read(variables: &Variables<'_>) -> Result<(AwsCredentials, String), SettingsError> {
        let role = variables.required(names::AWS_ROLE_ARN, parse::role)?;
        let region = variables.required(names::AWS_REGION, owned(core_parse::region))?;
        let partition = Partition::of_region(&region);
        if partition != role.partition() {
            return Err(SettingsError::other_partition(&region, partition, &role));
        }
        let session_name =
            variables.required(names::AWS_ROLE_SESSION_NAME, owned(core_parse::session_name))?;
        let token_file = variables.required(names::AWS_WEB_IDENTITY_TOKEN_FILE, parse::file)?;
        Ok((AwsCredentials::WebIdentity(Self { role, session_name, token_file }), region))
    }
}

impl PodIdentity {
    /// The role is the agent's to say.
    fn read(variables: &Variables<'_>) -> Result<(AwsCredentials, String), SettingsError> {
        let uri = variables
            .required(names::AWS_CONTAINER_CREDENTIALS_FULL_URI, owned(core_parse::pod_identity_uri))?;
        let authorization_file =
            variables.required(names::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, parse::file)?;
        let region = variables.required(names::AWS_REGION, owned(core_parse::region))?;
        Ok((AwsCredentials::PodIdentity(Self { uri, authorization_file }), region))
    }
}
