//! Parsing and signing of JSON web tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::signing::SigningKey;

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
    pub(crate) aud: Audience,
    pub(crate) exp: i64,
    pub(crate) nbf: Option<i64>,
}

/// The claim `aud`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    pub(crate) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(audience) => std::slice::from_ref(audience),
            Self::Many(audiences) => audiences,
        }
    }
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

/// Signs claims. Returns `None` if the system has no randomness.
pub(super) fn sign(header: &Value, claims: &Value, key: &SigningKey) -> Option<String> {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(signed.as_bytes())?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
