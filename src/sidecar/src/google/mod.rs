//! The client for Google STS and the IAM Credentials API: federated tokens, access tokens and ID tokens.
//!
//! The client neither caches nor retries: see [`crate::token_cache`].

mod client;
mod error;
mod exchange;
#[cfg(test)]
pub(crate) mod fake;
mod impersonate;

pub use self::client::{GoogleClient, Token};
use crate::error::Error;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::subject_token::SubjectToken;

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

    /// Requests an ID token of the service account for `audience`, with its email.
    ///
    /// # Errors
    /// Returns an error if the call fails. It is not retried here.
    fn id_token(
        &self,
        federated: &Secret,
        audience: &str,
    ) -> impl Future<Output = Result<Token, Error>> + Send;
}

impl TokenProvider for GoogleClient {
    async fn exchange(&self, subject: &SubjectToken, scopes: &Scopes) -> Result<Token, Error> {
        exchange::exchange(self, subject, scopes).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Error> {
        impersonate::access_token(self, federated, scopes).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str) -> Result<Token, Error> {
        impersonate::id_token(self, federated, audience).await
    }
}
