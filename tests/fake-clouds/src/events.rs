//! What happened, for a test to assert and for the demo to tell. Events carry no secret.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::clock::Timestamp;
use crate::faults::Operation;

/// A call that was answered (or torn).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What was called.
    pub operation: Operation,
    /// The how-manieth call of the operation, from 1.
    pub nth: u64,
    /// When, by that cloud's clock.
    pub at: Timestamp,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The refusal, `CODE: SENTENCE` in the cloud's words.
    pub error: Option<String>,
    /// What the cloud learned and did.
    pub detail: Detail,
}

/// What a cloud learned and did in a call. Of a refused call: as far as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Detail {
    /// Nothing worth telling.
    #[default]
    Nothing,
    /// AWS gave a session of a role.
    RoleAssumed(RoleAssumed),
    /// AWS said who signed a request.
    CallerIdentified {
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: String,
        /// The account.
        account: String,
        /// The key that signed, which is no secret.
        access_key_id: String,
    },
    /// AWS gave a JSON web token.
    WebIdentityGiven {
        /// The role.
        subject: String,
        /// Whom it is for.
        audiences: Vec<String>,
        /// The key that signed the request, which is no secret.
        access_key_id: String,
        /// Seconds that it lives.
        lifetime: i64,
    },
    /// Google gave a federated token.
    TokenExchanged(TokenExchanged),
    /// Google gave a service account's token.
    Impersonated {
        /// Who asked, as Google names principals.
        principal: String,
        /// Whose token was given.
        service_account: String,
        /// Seconds.
        lifetime: i64,
    },
    /// Google gave a service account's ID token.
    IdTokenGiven {
        /// Who asked, as Google names principals.
        principal: String,
        /// Whose token was given.
        service_account: String,
        /// Whom it is for.
        audience: String,
    },
    /// An object was read, or its bucket listed.
    ObjectRead {
        /// Who asked, as Google names principals.
        principal: String,
        /// `gs://BUCKET/OBJECT`; of a list: `gs://BUCKET`.
        object: String,
    },
    /// A table was read.
    TableRead {
        /// Who asked, as Google names principals.
        principal: String,
        /// `PROJECT.DATASET.TABLE`.
        table: String,
        /// How many rows went out.
        rows: usize,
    },
}

/// AWS gave a session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssumed {
    /// The role.
    pub role_arn: String,
    /// The session.
    pub session_arn: String,
    /// The session's key, which is no secret.
    pub access_key_id: String,
    /// The web identity, `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
    /// The inline session policy.
    pub session_policy: Option<String>,
    /// When the session ends.
    pub expires: Timestamp,
}

/// Google gave a federated token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenExchanged {
    /// The provider.
    pub provider: String,
    /// `principal://iam.googleapis.com/…/subject/SUBJECT`.
    pub principal: String,
    /// The mapped attributes, `google.subject` too.
    pub attributes: BTreeMap<String, String>,
    /// The subject token.
    pub shown: Shown,
    /// Seconds that the federated token lives.
    pub expires_in: i64,
}

impl TokenExchanged {
    /// The subject token, if it is a signed AWS request.
    #[must_use]
    pub const fn signed_request(&self) -> Option<&SignedRequest> {
        match &self.shown {
            Shown::SignedRequest(request) => Some(request),
            Shown::Jwt { .. } => None,
        }
    }
}

/// A subject token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Shown {
    /// A signed AWS request.
    SignedRequest(SignedRequest),
    /// A JSON web token.
    Jwt {
        /// Who signed it.
        issuer: String,
    },
}

/// A signed AWS request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedRequest {
    /// The key that signed it, which is no secret.
    pub access_key_id: String,
    /// The host that it was signed for.
    pub host: String,
    /// Whether the signature covers the audience, so that the token is of no use at another provider.
    pub audience_signed: bool,
}

/// The log and its subscribers.
#[derive(Debug)]
pub(crate) struct Events {
    log: Mutex<Vec<Event>>,
    sender: broadcast::Sender<Event>,
}

/// Events that a slow subscriber may lag behind.
const CAPACITY: usize = 1024;

impl Default for Events {
    fn default() -> Self {
        Self { log: Mutex::default(), sender: broadcast::Sender::new(CAPACITY) }
    }
}

impl Events {
    pub(crate) fn record(&self, event: Event) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        // Nobody needs to listen.
        let _ = self.sender.send(event);
    }

    pub(crate) fn log(&self) -> Vec<Event> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}
