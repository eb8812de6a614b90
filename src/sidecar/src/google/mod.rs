//! The client for Google STS and the IAM Credentials API: federated tokens, access tokens and ID tokens.
//!
//! The client neither caches nor retries: see [`crate::token_cache`].

mod error;
mod exchange;
#[cfg(test)]
pub(crate) mod fake;
mod impersonate;
mod introspect;

use std::time::Duration;

use crate::error::Error;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::{Connection, GoogleSettings, Settings};
use crate::subject_token::SubjectToken;

/// A Google token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The text.
    pub secret: Secret,
    /// The remaining lifetime, by Google's clock.
    pub expires_in: Duration,
}

/// A source of Google tokens.
pub trait TokenProvider: Send + Sync + 'static {
    /// Exchanges a subject token for a federated token.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    fn exchange(
        &self,
        subject: &SubjectToken,
        scopes: &Scopes,
    ) -> impl Future<Output = Result<Token, Error>> + Send;

    /// Requests an access token of the service account.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    fn access_token(
        &self,
        federated: &Secret,
        scopes: &Scopes,
    ) -> impl Future<Output = Result<Token, Error>> + Send;

    /// Requests an ID token of the service account for `audience`, with or without its email.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    fn id_token(
        &self,
        federated: &Secret,
        audience: &str,
        with_email: bool,
    ) -> impl Future<Output = Result<Token, Error>> + Send;
}

/// A client for Google STS and the IAM Credentials API.
#[derive(Debug)]
pub struct GoogleClient {
    settings: GoogleSettings,
    subject_token_type: &'static str,
    connection: Connection,
}

impl GoogleClient {
    /// Creates a client.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let Settings { identity, google, .. } = settings;
        let (subject_token_type, connection) =
            (identity.kind.subject_token_type(), identity.connection.clone());
        Self { settings: google.clone(), subject_token_type, connection }
    }

    /// Returns the principal of a federated token, as IAM policies name it.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    pub async fn principal(&self, federated: &Secret) -> Result<String, Error> {
        introspect::principal(self, federated).await
    }
}

impl TokenProvider for GoogleClient {
    async fn exchange(&self, subject: &SubjectToken, scopes: &Scopes) -> Result<Token, Error> {
        exchange::exchange(self, subject, scopes).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Error> {
        impersonate::access_token(self, federated, scopes).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str, with_email: bool) -> Result<Token, Error> {
        impersonate::id_token(self, federated, audience, with_email).await
    }
}
