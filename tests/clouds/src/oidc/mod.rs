//! Issuers of web identity tokens: they mint what a kubelet projects into a pod, and verify what AWS STS is shown.

mod jwt;
mod keys;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

pub(crate) use jwt::{Audience, Jwt, WebIdentity};
use keys::PublicKey;

use crate::clock::Timestamp;
use crate::config::{self, Keys};
use crate::error::ConfigError;
use crate::secret;

/// An issuer and its keys.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    keys: Vec<PublicKey>,
    signing: Option<EcdsaKeyPair>,
}

/// What a projected service account token says.
#[derive(Debug, Clone, Copy)]
pub struct ProjectedToken<'a> {
    /// The service account's namespace.
    pub namespace: &'a str,
    /// The service account.
    pub service_account: &'a str,
    /// The audiences, such as `sts.amazonaws.com`.
    pub audiences: &'a [&'a str],
    /// Seconds that it lives.
    pub lifetime: i64,
    /// The pod that it is bound to.
    pub pod: Option<&'a str>,
}

/// Why a token is not its issuer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unverified {
    /// The issuer has no key of the token's id and algorithm.
    NoKey,
    /// The key did not sign it.
    Forged,
}

impl Issuer {
    fn new(config: &config::Issuer) -> Result<Self, ConfigError> {
        let place = format!("the issuer {}", config.url);
        let fault = |fault: String| ConfigError::new(&place, fault);
        if !config.url.starts_with("https://") || config.url.ends_with('/') {
            return Err(fault("an issuer's URL begins with `https://` and does not end in `/`".to_owned()));
        }
        let (keys, signing) = match &config.keys {
            Keys::Generated => {
                let signing = generate().ok_or_else(|| fault("no key could be generated".to_owned()))?;
                (vec![PublicKey::p256(signing.public_key().as_ref())], Some(signing))
            }
            Keys::Jwks(document) => (keys::of_jwks(document).map_err(fault)?, None),
            Keys::Pem(texts) => (keys::of_pem(texts).map_err(fault)?, None),
        };
        Ok(Self { url: config.url.clone(), keys, signing })
    }

    /// The issuer's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The public keys as a JWKS document, as at the issuer's `jwks_uri`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": self.keys.iter().map(PublicKey::jwk).collect::<Vec<_>>()})
    }

    /// Mints a token in the shape of a Kubernetes projected one. `None`: the issuer's private key is elsewhere.
    #[must_use]
    pub fn mint(&self, token: &ProjectedToken<'_>, now: Timestamp) -> Option<String> {
        let mut kubernetes = json!({
            "namespace": token.namespace,
            "serviceaccount": {"name": token.service_account, "uid": secret::uuid()},
        });
        if let Some(pod) = token.pod {
            kubernetes["pod"] = json!({"name": pod, "uid": secret::uuid()});
        }
        self.mint_claims(&json!({
            "aud": token.audiences,
            "exp": now.plus(token.lifetime).0,
            "iat": now.0,
            "iss": self.url,
            "jti": secret::uuid(),
            "kubernetes.io": kubernetes,
            "nbf": now.0,
            "sub": format!("system:serviceaccount:{}:{}", token.namespace, token.service_account),
        }))
    }

    /// Mints a token with any claims, for tests of what is refused. `None`: the private key is elsewhere.
    #[must_use]
    pub fn mint_claims(&self, claims: &Value) -> Option<String> {
        let key = self.signing.as_ref()?;
        let kid = self.keys.first()?.kid()?;
        jwt::sign(&json!({"alg": "ES256", "kid": kid}), claims, key)
    }

    /// Whether one of the issuer's keys has signed a token.
    pub(crate) fn verify(&self, token: &Jwt) -> Result<(), Unverified> {
        let mut keys = self.keys.iter().filter(|key| key.fits(token)).peekable();
        if keys.peek().is_none() {
            return Err(Unverified::NoKey);
        }
        if keys.any(|key| key.verify(token)) { Ok(()) } else { Err(Unverified::Forged) }
    }
}

fn generate() -> Option<EcdsaKeyPair> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).ok()?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).ok()
}

/// Every issuer.
#[derive(Debug)]
pub(crate) struct Issuers(Vec<Issuer>);

impl Issuers {
    pub(crate) fn new(config: &[config::Issuer]) -> Result<Self, ConfigError> {
        config.iter().map(Issuer::new).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn find(&self, url: &str) -> Option<&Issuer> {
        self.0.iter().find(|issuer| issuer.url == url)
    }
}

#[cfg(test)]
mod tests;
