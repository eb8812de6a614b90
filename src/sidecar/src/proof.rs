//! What the pod's identity is proved by, and where that comes from: an AWS session that signs, or a JSON web token.

mod kubernetes;
mod pod_identity;

use std::time::SystemTime;

use rolebridge_contract::aws::{DENY_ALL_SESSION_POLICY, GET_WEB_IDENTITY_TOKEN_SESSION_POLICY};

use crate::{
    clock::Clock,
    credentials::{AwsSts, Session},
    fault::Fault,
    schedule::Life,
    settings::{Aws, AwsCredentials, AwsProof, Connection, Identity, Proof as Setting},
    sign::{SignError, sign},
    subject_token::SubjectToken,
};

/// Something that is renewed.
#[derive(Debug, Clone)]
pub enum Proof {
    /// It signs subject tokens.
    Session(Session),
    /// It is the subject token.
    Token(SubjectToken, Life),
}

impl Proof {
    /// From when to when.
    #[must_use]
    pub fn life(&self) -> Life {
        match self {
            Self::Session(session) => session.life,
            Self::Token(_, life) => *life,
        }
    }

    /// A subject token for `target` at `now`.
    ///
    /// # Errors
    /// As [`sign`].
    pub fn subject_token(&self, target: &Target, now: SystemTime) -> Result<SubjectToken, SignError> {
        match self {
            Self::Session(session) => sign(&session.credentials, &target.audience, &target.region, now),
            Self::Token(token, _) => Ok(token.clone()),
        }
    }
}

/// What a subject token is signed for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The provider's audience.
    pub audience: String,
    /// The region of AWS STS; empty for a token that nobody signs.
    pub region: String,
}

impl Target {
    /// What `identity` is proved to.
    #[must_use]
    pub fn of(identity: &Identity) -> Self {
        let region = identity.region().unwrap_or_default().to_owned();
        Self { audience: identity.provider.audience.clone(), region }
    }
}

/// Where proofs come from.
pub trait Prove {
    /// A new proof.
    ///
    /// # Errors
    /// The [`Fault`] that stands in the way; nothing is retried here.
    fn prove(&self) -> impl Future<Output = Result<Proof, Fault>>;
}

/// The way that the settings say.
#[derive(Debug)]
pub struct Prover {
    identity: Identity,
    clock: Clock,
}

impl Prover {
    /// Proves `identity`. AWS's answers correct `clock`.
    #[must_use]
    pub fn new(identity: Identity, clock: Clock) -> Self {
        Self { identity, clock }
    }

    async fn by_aws(&self, aws: &Aws, connection: &Connection) -> Result<Proof, Fault> {
        let sts = AwsSts::new(aws, connection.clone(), self.clock.clone());
        let policy = match aws.proof {
            AwsProof::SignedRequest => DENY_ALL_SESSION_POLICY,
            AwsProof::WebToken => GET_WEB_IDENTITY_TOKEN_SESSION_POLICY,
        };
        let session = match &aws.credentials {
            AwsCredentials::WebIdentity(role) => sts.assume_role(role, policy).await?,
            AwsCredentials::PodIdentity(agent) => {
                pod_identity::session(agent, connection, &self.clock).await?
            }
        };
        match aws.proof {
            AwsProof::SignedRequest => Ok(Proof::Session(session)),
            AwsProof::WebToken => {
                let (token, life) = sts.web_token(&session, &self.identity.provider.token_audience()).await?;
                Ok(Proof::Token(token, life))
            }
        }
    }
}

impl Prove for Prover {
    async fn prove(&self) -> Result<Proof, Fault> {
        match &self.identity.proof {
            Setting::Aws(aws) => self.by_aws(aws, &self.identity.connection).await,
            Setting::Kubernetes { token_file } => kubernetes::token(token_file, &self.clock),
        }
    }
}
