//! What the pod's identity is proved by, and where that comes from: an AWS session that signs, or a JSON web token.

mod kubernetes;
mod pod_identity;

use std::time::SystemTime;

use rolebridge_core::aws::{DENY_ALL_SESSION_POLICY, GET_WEB_IDENTITY_TOKEN_SESSION_POLICY};

use crate::clock::Clock;
use crate::credentials::{AwsSts, Session};
use crate::fault::Fault;
use crate::schedule::Life;
use crate::settings::{Aws, AwsCredentials, AwsProof, Identity, Proof as Setting};
use crate::sign::{SignError, sign};
use crate::subject_token::SubjectToken;

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

    fn aws_sts(&self, aws: &Aws) -> AwsSts {
        AwsSts::new(aws, self.identity.connection.clone(), self.clock.clone())
    }

    /// An AWS session that can do no more than the proof takes.
    ///
    /// # Errors
    /// As [`Prove::prove`].
    pub async fn session(&self, aws: &Aws) -> Result<Session, Fault> {
        let policy = match aws.proof {
            AwsProof::SignedRequest => DENY_ALL_SESSION_POLICY,
            AwsProof::WebToken => GET_WEB_IDENTITY_TOKEN_SESSION_POLICY,
        };
        match &aws.credentials {
            AwsCredentials::WebIdentity(role) => self.aws_sts(aws).assume_role(role, policy).await,
            AwsCredentials::PodIdentity(agent) => {
                pod_identity::session(agent, &self.identity.connection, &self.clock).await
            }
        }
    }

    /// The proof that a session makes.
    ///
    /// # Errors
    /// As [`Prove::prove`].
    pub async fn by_session(&self, aws: &Aws, session: Session) -> Result<Proof, Fault> {
        match aws.proof {
            AwsProof::SignedRequest => Ok(Proof::Session(session)),
            AwsProof::WebToken => {
                let audience = self.identity.provider.token_audience();
                let (token, life) = self.aws_sts(aws).web_token(&session, &audience).await?;
                Ok(Proof::Token(token, life))
            }
        }
    }
}

impl Prove for Prover {
    async fn prove(&self) -> Result<Proof, Fault> {
        match &self.identity.proof {
            Setting::Aws(aws) => self.by_session(aws, self.session(aws).await?).await,
            Setting::Kubernetes { token_file } => kubernetes::token(token_file, &self.clock),
        }
    }
}
