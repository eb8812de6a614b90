//! The client and its tokens.

use std::time::Duration;

use rolebridge_core::service_accounts::AccountNumber;

use crate::secret::Secret;
use crate::settings::{Connection, GoogleSettings, Impersonation, Settings};

/// A Google token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The text.
    pub secret: Secret,
    /// The remaining lifetime, by Google's clock.
    pub expires_in: Duration,
}

/// A client for Google STS and the IAM Credentials API.
#[derive(Debug)]
pub struct GoogleClient {
    pub(super) settings: GoogleSettings,
    pub(super) account: Option<Impersonation>,
    pub(super) subject_token_type: &'static str,
    pub(super) connection: Connection,
}

impl GoogleClient {
    /// Creates a client for an account.
    #[must_use]
    pub fn new(settings: &Settings, account: AccountNumber) -> Self {
        let Settings { identity, google, .. } = settings;
        let (subject_token_type, connection) =
            (identity.kind.subject_token_type(), identity.connection.clone());
        let account = google.account(account).cloned();
        Self { settings: google.clone(), account, subject_token_type, connection }
    }
}
