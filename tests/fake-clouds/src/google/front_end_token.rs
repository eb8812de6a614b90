//! ID tokens of service accounts, as Google's front ends verify them: Cloud Run and Identity-Aware Proxy.

use serde::Deserialize;

use super::cloud::Google;
use crate::clock::Timestamp;
use crate::oidc::{GOOGLE_ISSUER, Jwt};

/// The claims of an ID token with Google's signature.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) aud: String,
    iss: String,
    iat: i64,
    exp: i64,
    email: Option<String>,
    email_verified: Option<bool>,
}

/// The reason why a text is no ID token of Google.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Invalid {
    NotAToken,
    Signature,
    Claims,
    Issuer,
}

impl Google {
    /// Returns the claims of an ID token that Google signed.
    pub(super) fn signed_claims(&self, token: &str) -> Result<Claims, Invalid> {
        let token = Jwt::parse(token).ok_or(Invalid::NotAToken)?;
        let issuer = self.issuers.find(GOOGLE_ISSUER).ok_or(Invalid::Signature)?;
        issuer.verify(&token).map_err(|_| Invalid::Signature)?;
        let claims: Claims = token.claims().ok_or(Invalid::Claims)?;
        let is_google = [GOOGLE_ISSUER, "accounts.google.com"].contains(&claims.iss.as_str());
        if is_google { Ok(claims) } else { Err(Invalid::Issuer) }
    }
}

impl Claims {
    /// Returns true from the time of issue until just before the expiry.
    pub(super) const fn is_current(&self, now: Timestamp) -> bool {
        now.0 < self.exp && now.0 >= self.iat
    }

    /// Returns the verified email address.
    pub(super) fn email(self) -> Option<String> {
        self.email.filter(|_| self.email_verified == Some(true))
    }
}
