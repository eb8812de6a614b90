//! Issuers of JSON web tokens: clusters, which mint the tokens that a kubelet projects into a pod, AWS, and Google. AWS
//! STS and Google STS verify tokens with them.

mod account_key;
mod jwt;
mod keys;
mod signing;

pub(crate) use account_key::AccountKey;
pub(crate) use jwt::{Jwt, WebIdentity};
use serde_json::{Value, json};

use self::keys::PublicKey;
use self::signing::SigningKey;
use crate::clock::Timestamp;
use crate::config::{self, Keys};
use crate::error::ConfigError;
use crate::secret;

/// The issuer of Google's ID tokens.
pub(crate) const GOOGLE_ISSUER: &str = "https://accounts.google.com";

/// An issuer and its keys.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    keys: Vec<PublicKey>,
    /// The private keys with their IDs.
    signing_keys: Vec<(Option<String>, SigningKey)>,
    /// The fingerprint of the top CA's certificate.
    thumbprint: Option<String>,
}

/// The claims of a projected service account token.
#[derive(Debug, Clone, Copy)]
pub struct ProjectedToken<'a> {
    /// The service account's namespace.
    pub namespace: &'a str,
    /// The service account.
    pub service_account: &'a str,
    /// The audiences, such as `sts.amazonaws.com`.
    pub audiences: &'a [&'a str],
    /// The lifetime in seconds.
    pub lifetime: i64,
    /// The pod to which the token is bound.
    pub pod: Option<&'a str>,
}

/// An error of token verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerifyError {
    /// The issuer has no key with the token's ID and algorithm.
    NoMatchingKey,
    /// No key of the issuer made the signature.
    InvalidSignature,
}

impl Issuer {
    fn new(config: &config::Issuer) -> Result<Self, ConfigError> {
        let issuer = Self::with_keys(&config.url, &config.keys)?;
        Ok(Self { thumbprint: config.thumbprint.clone(), ..issuer })
    }

    /// Returns an issuer with these keys.
    pub(crate) fn with_keys(url: &str, keys: &Keys) -> Result<Self, ConfigError> {
        let keys = match keys {
            Keys::Generated => return Self::with_signing_keys(url, [(None, SigningKey::es256())]),
            Keys::Jwks(document) => keys::from_jwks(document),
            Keys::Pem(texts) => keys::from_pem(texts),
        };
        let location = config_location(url)?;
        let keys = keys.map_err(|problem| ConfigError::new(location, problem))?;
        Ok(Self { url: url.to_owned(), keys, signing_keys: Vec::new(), thumbprint: None })
    }

    /// Returns the issuer of an account with outbound identity federation. AWS names the keys like this.
    fn aws(url: &str) -> Result<Self, ConfigError> {
        let keys = [("RSA_0", SigningKey::rs256()), ("EC384_0", SigningKey::es384())];
        Self::with_signing_keys(url, keys.map(|(kid, key)| (Some(kid), key)))
    }

    /// Returns an issuer that signs. Its first key signs tokens for which no algorithm is requested.
    fn with_signing_keys<const N: usize>(
        url: &str,
        signing_keys: [(Option<&str>, Option<SigningKey>); N],
    ) -> Result<Self, ConfigError> {
        let location = config_location(url)?;
        let generation_failed = || ConfigError::new(&location, "failed to generate a key");
        let mut issuer =
            Self { url: url.to_owned(), keys: Vec::new(), signing_keys: Vec::new(), thumbprint: None };
        for (kid, key) in signing_keys {
            let key = key.ok_or_else(generation_failed)?;
            let public = key.public().map(|public| public.with_kid(kid));
            let kid = kid.or_else(|| public.as_ref()?.kid()).map(ToOwned::to_owned);
            issuer.signing_keys.push((kid, key));
            issuer.keys.extend(public);
        }
        Ok(issuer)
    }

    /// Returns the issuer's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns true if the fingerprint of the top CA's certificate is one of these. An issuer without one has them all.
    pub(crate) fn has_thumbprint(&self, accepted: &[String]) -> bool {
        let thumbprint = self.thumbprint.as_deref();
        thumbprint
            .is_none_or(|thumbprint| accepted.iter().any(|other| other.eq_ignore_ascii_case(thumbprint)))
    }

    /// Returns the public keys as a JWKS document, as at the issuer's `jwks_uri`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({"keys": self.keys.iter().map(PublicKey::jwk).collect::<Vec<_>>()})
    }

    /// Mints a Kubernetes projected token. Returns `None` if the issuer's private key is elsewhere.
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

    /// Mints a token with any claims, for tests of errors. Returns `None` if the issuer's private key is elsewhere.
    #[must_use]
    pub fn mint_claims(&self, claims: &Value) -> Option<String> {
        let (_, key) = self.signing_keys.first()?;
        self.sign(key.algorithm(), claims)
    }

    /// Signs claims with an algorithm. Returns `None` if the issuer has no private key for it.
    pub(crate) fn sign(&self, algorithm: &str, claims: &Value) -> Option<String> {
        let (kid, key) = self.signing_keys.iter().find(|(_, key)| key.algorithm() == algorithm)?;
        key.sign_token(&json!({"alg": algorithm, "kid": kid}), claims)
    }

    /// Returns the claims of a token if the issuer signed it. No claim is checked.
    #[must_use]
    pub fn claims(&self, token: &str) -> Option<Value> {
        let token = Jwt::parse(token)?;
        self.verify(&token).is_ok().then_some(token.claims)
    }

    /// Verifies that one of the issuer's keys signed a token.
    pub(crate) fn verify(&self, token: &Jwt) -> Result<(), VerifyError> {
        let mut keys = self.keys.iter().filter(|key| key.matches(token)).peekable();
        if keys.peek().is_none() {
            return Err(VerifyError::NoMatchingKey);
        }
        if keys.any(|key| key.verify(token)) { Ok(()) } else { Err(VerifyError::InvalidSignature) }
    }
}

/// Returns the location of an issuer in the configuration, if its URL is valid.
fn config_location(url: &str) -> Result<String, ConfigError> {
    let location = format!("the issuer {url}");
    if url.starts_with("https://") && !url.ends_with('/') {
        return Ok(location);
    }
    Err(ConfigError::new(location, "expected a URL that begins with `https://` and does not end in `/`"))
}

/// All issuers.
#[derive(Debug)]
pub(crate) struct Issuers(Vec<Issuer>);

impl Issuers {
    pub(crate) fn new(config: &config::Config) -> Result<Self, ConfigError> {
        let clusters = config.issuers.iter().map(Issuer::new);
        let accounts = config.aws.accounts.iter().filter_map(|account| account.outbound_issuer.as_deref());
        let google = Issuer::with_signing_keys(GOOGLE_ISSUER, [(None, SigningKey::rs256())]);
        clusters.chain(accounts.map(Issuer::aws)).chain([google]).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn find(&self, url: &str) -> Option<&Issuer> {
        self.0.iter().find(|issuer| issuer.url == url)
    }
}

#[cfg(test)]
mod tests;
