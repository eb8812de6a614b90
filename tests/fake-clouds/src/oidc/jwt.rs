//! Parsing of JSON web tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::one_or_many::OneOrMany;

/// A parsed token that is not verified.
#[derive(Debug)]
pub(crate) struct Jwt {
    header: Header,
    pub(crate) claims: Value,
    pub(crate) signed: String,
    pub(crate) signature: Vec<u8>,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// The claims that AWS requires.
#[derive(Debug, Deserialize)]
pub(crate) struct WebIdentity {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: OneOrMany<String>,
    pub(crate) exp: i64,
    pub(crate) nbf: Option<i64>,
}

impl Jwt {
    /// Parses a token. Returns `None` if it is not a JWT.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.to_owned(),
            signature: decode(signature)?,
        })
    }

    /// Deserializes the claims. Returns `None` if one is missing or has another type.
    pub(crate) fn claims<C: DeserializeOwned>(&self) -> Option<C> {
        C::deserialize(&self.claims).ok()
    }

    pub(crate) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }
}
