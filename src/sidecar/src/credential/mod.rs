//! The credential that proves the pod's identity: an AWS session, which signs, or a JSON web token.

mod kubernetes;
mod pod_identity;

use std::time::SystemTime;

use rolebridge_core::aws::{DENY_ALL_SESSION_POLICY, GET_WEB_IDENTITY_TOKEN_SESSION_POLICY};

use crate::aws::sts::{Session, StsClient};
use crate::clock::Clock;
use crate::error::Error;
use crate::schedule::Lifetime;
use crate::settings::{AwsCredentials, AwsSettings, AwsSubjectToken, IdentitySettings, IdentitySource};
use crate::sign::{SignError, sign};
use crate::subject_token::SubjectToken;

/// A credential, which is renewed before it expires.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A session, which signs subject tokens.
    Session(Session),
    /// A JSON web token, which is the subject token.
    Token(SubjectToken, Lifetime),
}

impl Credential {
    /// Returns the lifetime.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        match self {
            Self::Session(session) => session.lifetime,
            Self::Token(_, lifetime) => *lifetime,
        }
    }

    /// Returns true if `other` is the same session or token, whenever it was obtained.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Session(one), Self::Session(other)) => one.credentials == other.credentials,
            (Self::Token(one, _), Self::Token(other, _)) => one == other,
            _ => false,
        }
    }

    /// Returns a subject token for `target` at `now`.
    ///
    /// # Errors
    /// Returns an error if the token cannot be signed: see [`sign`].
    pub fn subject_token(&self, target: &Target, now: SystemTime) -> Result<SubjectToken, SignError> {
        match self {
            Self::Session(session) => sign(&session.credentials, &target.audience, &target.region, now),
            Self::Token(token, _) => Ok(token.clone()),
        }
    }
}

/// The audience and the region that a subject token is signed for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The provider's audience.
    pub audience: String,
    /// The region of AWS STS; empty for a JSON web token, which the sidecar does not sign.
    pub region: String,
}

impl Target {
    /// Returns the target of an identity's subject tokens.
    #[must_use]
    pub fn new(identity: &IdentitySettings) -> Self {
        let region = identity.region().unwrap_or_default().to_owned();
        Self { audience: identity.provider.audience.clone(), region }
    }
}

/// A source of credentials.
pub trait FetchCredential {
    /// Requests a new credential.
    ///
    /// # Errors
    /// Returns an error if the request fails. It is not retried here.
    fn provide(&self) -> impl Future<Output = Result<Credential, Error>>;
}

/// The source of credentials that the settings select.
#[derive(Debug)]
pub struct CredentialProvider {
    identity: IdentitySettings,
    clock: Clock,
}

impl CredentialProvider {
    /// Creates a provider. AWS's responses correct `clock`.
    #[must_use]
    pub fn new(identity: IdentitySettings, clock: Clock) -> Self {
        Self { identity, clock }
    }

    fn sts_client(&self, aws: &AwsSettings) -> StsClient {
        StsClient::new(aws, self.identity.connection.clone(), self.clock.clone())
    }

    /// Requests an AWS session with no more permissions than the credential needs.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn session(&self, aws: &AwsSettings) -> Result<Session, Error> {
        let policy = match aws.subject_token {
            AwsSubjectToken::SignedRequest => DENY_ALL_SESSION_POLICY,
            AwsSubjectToken::WebToken => GET_WEB_IDENTITY_TOKEN_SESSION_POLICY,
        };
        match &aws.credentials {
            AwsCredentials::WebIdentity(role) => self.sts_client(aws).assume_role(role, policy).await,
            AwsCredentials::PodIdentity(agent) => {
                pod_identity::session(agent, &self.identity.connection, &self.clock).await
            }
        }
    }

    /// Makes the credential of a session.
    ///
    /// # Errors
    /// Returns an error if AWS STS issues no JSON web token.
    pub async fn credential_of_session(
        &self,
        aws: &AwsSettings,
        session: Session,
    ) -> Result<Credential, Error> {
        match aws.subject_token {
            AwsSubjectToken::SignedRequest => Ok(Credential::Session(session)),
            AwsSubjectToken::WebToken => {
                let audience = self.identity.provider.token_audience();
                let client = self.sts_client(aws);
                let (token, lifetime) = client.get_web_identity_token(&session, &audience).await?;
                Ok(Credential::Token(token, lifetime))
            }
        }
    }
}

impl FetchCredential for CredentialProvider {
    async fn provide(&self) -> Result<Credential, Error> {
        match &self.identity.source {
            IdentitySource::Aws(aws) => self.credential_of_session(aws, self.session(aws).await?).await,
            IdentitySource::Kubernetes { token_file } => {
                let (token, lifetime) = kubernetes::token(token_file, &self.clock)?;
                Ok(Credential::Token(token, lifetime))
            }
        }
    }
}
