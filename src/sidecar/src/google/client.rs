//! The client and its tokens.

use std::time::Duration;

use crate::secret::Secret;
use crate::settings::{Connection, GoogleSettings, Settings};

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
    pub(super) subject_token_type: &'static str,
    pub(super) connection: Connection,
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
}
