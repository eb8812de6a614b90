//! Client authentication at Google STS: HTTP Basic with the ID and the secret of an OAuth client, as gcloud sends it.
//!
//! Source: gcloud (`core/credentials/introspect.py`) and Google's wwauth send Basic to both paths, and say that
//! `introspect` requires it. RFC 6749 section 2.3.1 has the form, section 5.2 the error. Unknown: whether Google checks
//! the secret, and how it answers `introspect` without client authentication. This fake accepts any ID and secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;

use super::error::OauthError;
use crate::wire::{Request, header};

/// Accepts Basic or nothing, as an exchange does: the subject token authenticates the request.
pub(super) fn accept(request: &Request) -> Result<(), OauthError> {
    client(request).map(drop)
}

/// Requires Basic.
pub(super) fn require(request: &Request) -> Result<(), OauthError> {
    client(request)?.map(drop).ok_or_else(|| invalid("Client authentication is required."))
}

/// Returns the client's ID, if there is one. Some libraries send an empty header for "no client authentication".
fn client(request: &Request) -> Result<Option<String>, OauthError> {
    let Some(value) = header(request, "authorization").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let decoded = value.strip_prefix("Basic ").and_then(|encoded| STANDARD.decode(encoded).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let client = decoded.as_deref().and_then(|pair| pair.split_once(':'));
    let client = client.filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
    let client = client.ok_or_else(|| invalid("The client authentication is invalid: expected Basic."))?;
    Ok(Some(client.0.to_owned()))
}

fn invalid(description: &str) -> OauthError {
    OauthError::new("invalid_client", description).with_status(StatusCode::UNAUTHORIZED)
}
