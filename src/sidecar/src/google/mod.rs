//! What Google gives for a subject token: a federated token, and with it a service account's access and ID tokens.
//!
//! Nothing is kept or retried here: [`crate::tokens`] does that.

mod exchange;
mod impersonate;
mod introspect;
mod refusal;
#[cfg(test)]
pub(crate) mod script;

use std::time::Duration;

use crate::fault::Fault;
use crate::scopes::Scopes;
use crate::secret::Secret;
use crate::settings::{self, Connection, Settings};
use crate::subject_token::SubjectToken;

/// A token of Google's.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its text.
    pub secret: Secret,
    /// How long it lives from now on, by Google's own clock.
    pub lives: Duration,
}

/// Where Google's tokens come from.
pub trait Mint: Send + Sync + 'static {
    /// A federated token for a subject token.
    ///
    /// # Errors
    /// The [`Fault`] that stands in the way; nothing is retried here.
    fn exchange(
        &self,
        subject: &SubjectToken,
        scopes: &Scopes,
    ) -> impl Future<Output = Result<Token, Fault>> + Send;

    /// The service account's access token.
    ///
    /// # Errors
    /// As [`Mint::exchange`].
    fn access_token(
        &self,
        federated: &Secret,
        scopes: &Scopes,
    ) -> impl Future<Output = Result<Token, Fault>> + Send;

    /// The service account's ID token for `audience`, with its email or without.
    ///
    /// # Errors
    /// As [`Mint::exchange`].
    fn id_token(
        &self,
        federated: &Secret,
        audience: &str,
        with_email: bool,
    ) -> impl Future<Output = Result<Token, Fault>> + Send;
}

/// Google itself.
#[derive(Debug)]
pub struct Google {
    settings: settings::Google,
    subject_token_type: &'static str,
    connection: Connection,
}

impl Google {
    /// Google as `settings` say.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let Settings { identity, google, .. } = settings;
        let (subject_token_type, connection) =
            (identity.kind.subject_token_type(), identity.connection.clone());
        Self { settings: google.clone(), subject_token_type, connection }
    }

    /// Whom a federated token stands for, as IAM policies name it.
    ///
    /// # Errors
    /// As [`Mint::exchange`].
    pub async fn principal(&self, federated: &Secret) -> Result<String, Fault> {
        introspect::principal(self, federated).await
    }
}

impl Mint for Google {
    async fn exchange(&self, subject: &SubjectToken, scopes: &Scopes) -> Result<Token, Fault> {
        exchange::exchange(self, subject, scopes).await
    }

    async fn access_token(&self, federated: &Secret, scopes: &Scopes) -> Result<Token, Fault> {
        impersonate::access_token(self, federated, scopes).await
    }

    async fn id_token(&self, federated: &Secret, audience: &str, with_email: bool) -> Result<Token, Fault> {
        impersonate::id_token(self, federated, audience, with_email).await
    }
}
