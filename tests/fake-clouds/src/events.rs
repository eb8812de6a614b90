//! The event log: one event for each call, for tests to assert on and for the demo to print. Events carry no secret.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::clock::Timestamp;
use crate::operation::Operation;

/// A call that got a response, whole or truncated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The operation.
    pub operation: Operation,
    /// The number of the call among those of the operation, from 1.
    pub nth: u64,
    /// The time by that cloud's clock.
    pub at: Timestamp,
    /// The HTTP status of the response.
    pub status: u16,
    /// The error, `CODE: MESSAGE` in the cloud's words.
    pub error: Option<String>,
    /// The result, and the callers involved.
    pub detail: Detail,
}

/// The result of a call and the callers involved. For a rejected call: as much as the cloud found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Detail {
    /// No detail.
    #[default]
    Nothing,
    /// AWS issued a session of a role.
    RoleAssumed(RoleAssumed),
    /// AWS identified the signer of a request.
    CallerIdentified {
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: String,
        /// The account.
        account: String,
        /// The ID of the signing key, which is not secret.
        access_key_id: String,
    },
    /// AWS issued a JSON web token.
    WebIdentityTokenIssued {
        /// The role.
        subject: String,
        /// The audiences of the token.
        audiences: Vec<String>,
        /// The ID of the key that signed the request, which is not secret.
        access_key_id: String,
        /// The lifetime in seconds.
        lifetime: i64,
    },
    /// Google issued a federated token.
    TokenExchanged(TokenExchanged),
    /// Google issued an access token of a service account.
    Impersonated {
        /// The caller, as Google names principals.
        principal: String,
        /// The service account.
        service_account: String,
        /// The lifetime in seconds.
        lifetime: i64,
    },
    /// Google issued an ID token of a service account.
    IdTokenIssued {
        /// The caller, as Google names principals.
        principal: String,
        /// The service account.
        service_account: String,
        /// The audience of the token.
        audience: String,
    },
    /// Google signed a message with the key of a service account.
    BlobSigned {
        /// The caller, as Google names principals.
        principal: String,
        /// The service account.
        service_account: String,
        /// The ID of the key, which is not secret.
        key_id: String,
    },
    /// Cloud Storage returned an object by its signed URL.
    SignedUrlUsed {
        /// The service account that signed, as Google names principals.
        principal: String,
        /// `gs://BUCKET/OBJECT`.
        object: String,
    },
    /// Cloud Run passed a call on to a service.
    ServiceInvoked {
        /// The caller, as Google names principals.
        principal: String,
        /// The host of the service.
        host: String,
    },
    /// Identity-Aware Proxy passed a call on to an application.
    IapPassed {
        /// The caller, as Google names principals.
        principal: String,
        /// The host of the application.
        host: String,
    },
    /// Cloud Storage returned an object, or listed its bucket.
    ObjectRead {
        /// The caller, as Google names principals.
        principal: String,
        /// `gs://BUCKET/OBJECT`; for a list: `gs://BUCKET`.
        object: String,
    },
    /// BigQuery returned rows of a table.
    TableRead {
        /// The caller, as Google names principals.
        principal: String,
        /// `PROJECT.DATASET.TABLE`.
        table: String,
        /// The number of rows in the result.
        rows: usize,
    },
    /// An API that an emulator serves was called.
    EmulatorCalled {
        /// The caller, as Google names principals.
        principal: String,
        /// The host of the API.
        host: String,
        /// `GET /PATH`; for gRPC: `/PACKAGE.SERVICE/METHOD`.
        method: String,
    },
}

/// A session of a role that AWS issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleAssumed {
    /// The role.
    pub role_arn: String,
    /// The session.
    pub session_arn: String,
    /// The ID of the session's key, which is not secret.
    pub access_key_id: String,
    /// The web identity, `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
    /// The inline session policy.
    pub session_policy: Option<String>,
    /// The time when the session expires.
    pub expires: Timestamp,
}

/// A federated token that Google issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenExchanged {
    /// The provider.
    pub provider: String,
    /// `principal://iam.googleapis.com/…/subject/SUBJECT`.
    pub principal: String,
    /// The mapped attributes, `google.subject` included.
    pub attributes: BTreeMap<String, String>,
    /// The subject token.
    pub subject_token: SubjectToken,
    /// The lifetime of the federated token in seconds.
    pub expires_in: i64,
}

impl TokenExchanged {
    /// Returns the subject token, if it is a signed AWS request.
    #[must_use]
    pub const fn signed_request(&self) -> Option<&SignedRequest> {
        match &self.subject_token {
            SubjectToken::SignedRequest(request) => Some(request),
            SubjectToken::Jwt { .. } => None,
        }
    }
}

/// A subject token, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SubjectToken {
    /// A signed AWS request.
    SignedRequest(SignedRequest),
    /// A JSON web token.
    Jwt {
        /// The issuer that signed the token.
        issuer: String,
    },
}

/// A signed AWS request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedRequest {
    /// The ID of the signing key, which is not secret.
    pub access_key_id: String,
    /// The host for which the request was signed.
    pub host: String,
    /// True if the signature covers the audience, so that no other provider accepts the token.
    pub audience_signed: bool,
}

/// The events so far and their subscribers.
#[derive(Debug)]
pub(crate) struct EventLog {
    events: Mutex<Vec<Event>>,
    sender: broadcast::Sender<Event>,
}

/// Maximum number of events by which a slow subscriber may lag behind.
const CAPACITY: usize = 1024;

impl Default for EventLog {
    fn default() -> Self {
        Self { events: Mutex::default(), sender: broadcast::Sender::new(CAPACITY) }
    }
}

impl EventLog {
    pub(crate) fn record(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        // An error only means that there are no subscribers.
        let _ = self.sender.send(event);
    }

    pub(crate) fn all(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }
}
