//! The subject token of type `jwt`, verified as Google verifies ID tokens.
//!
//! Source: "Configure Workload Identity Federation with other identity providers", and users' measurements. They show
//! the error messages, a clock tolerance of a minute, and that a federated token cannot outlive the subject token.

use serde::Deserialize;
use serde_json::Value;

use super::cel::{Values, field};
use super::error::OauthError;
use super::provider::Oidc;
use crate::clock::Timestamp;
use crate::oidc::{Issuers, Jwt, VerifyError};
use crate::one_or_many::OneOrMany;

/// Maximum difference between the clocks of an issuer and Google, in seconds.
const CLOCK_TOLERANCE: i64 = 60;

#[derive(Debug, Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<OneOrMany<String>>,
    iat: Option<i64>,
    exp: Option<i64>,
}

/// A verified token.
#[derive(Debug)]
pub(super) struct IdToken {
    claims: Value,
    /// The remaining lifetime in seconds; less than one within the tolerance.
    pub(super) remaining: i64,
}

impl IdToken {
    /// Verifies a token for a provider.
    pub(super) fn verify(
        token: &str,
        oidc: &Oidc,
        issuers: &Issuers,
        now: Timestamp,
    ) -> Result<Self, OauthError> {
        let malformed = || invalid("Unable to parse the ID Token.");
        let token = Jwt::parse(token).ok_or_else(malformed)?;
        let claims: Claims = token.claims().ok_or_else(malformed)?;
        check_issuer(claims.iss.as_deref(), &oidc.issuer)?;
        // Google fetches the issuer's keys, so an unreachable issuer is like one without a matching key.
        let unreachable_issuer = || invalid("Error connecting to the given credential's issuer.");
        let invalid_signature = || invalid("Unable to verify the ID Token signature.");
        if let Some(issuer) = &oidc.uploaded {
            issuer.verify(&token).map_err(|_| invalid_signature())?;
        } else {
            let issuer = issuers.find(&oidc.issuer).ok_or_else(unreachable_issuer)?;
            issuer.verify(&token).map_err(|error| match error {
                VerifyError::NoMatchingKey => unreachable_issuer(),
                VerifyError::InvalidSignature => invalid_signature(),
            })?;
        }
        check_audience(claims.aud.as_ref().map_or(&[], OneOrMany::as_slice), &oidc.audiences)?;
        let remaining = remaining_lifetime(claims.iat, claims.exp, now)?;
        Ok(Self { claims: token.claims, remaining })
    }

    /// Returns the string claims as variables for expressions.
    pub(super) fn values(&self) -> Values {
        let mut values = Values::new();
        collect_strings("assertion".to_owned(), &self.claims, &mut values);
        values
    }
}

fn check_issuer(found: Option<&str>, expected: &str) -> Result<(), OauthError> {
    if found == Some(expected) {
        return Ok(());
    }
    let found = found.unwrap_or("null");
    Err(invalid(&format!(
        "The issuer in ID Token {found} does not match the expected one in config: {expected}."
    )))
}

fn check_audience(found: &[String], allowed: &[String]) -> Result<(), OauthError> {
    if found.iter().any(|audience| allowed.contains(audience)) {
        return Ok(());
    }
    let found = found.join(", ");
    Err(invalid(&format!("The audience in ID Token [{found}] does not match the expected audience.")))
}

fn remaining_lifetime(issued: Option<i64>, expires: Option<i64>, now: Timestamp) -> Result<i64, OauthError> {
    match (issued, expires) {
        (Some(issued), Some(expires))
            if issued <= now.0 + CLOCK_TOLERANCE && now.0 <= expires + CLOCK_TOLERANCE =>
        {
            Ok(expires - now.0)
        }
        _ => {
            let issued = issued.map_or_else(|| "null".to_owned(), |issued| issued.to_string());
            Err(invalid(&format!("ID Token issued at {issued} is stale to sign-in.")))
        }
    }
}

fn collect_strings(name: String, claim: &Value, values: &mut Values) {
    match claim {
        Value::String(text) => {
            values.insert(name, text.clone());
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                collect_strings(field(&name, key), value, values);
            }
        }
        _ => {}
    }
}

fn invalid(description: &str) -> OauthError {
    OauthError::new("invalid_grant", description)
}

#[cfg(test)]
mod tests;
