//! Private keys of issuers, and signing of tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::Value;

use super::keys::PublicKey;

/// The 2048-bit key of every RS256 issuer of the fakes. It is fixed because ring cannot generate RSA keys, and it
/// protects nothing. Made by `openssl genpkey -algorithm RSA | openssl pkcs8 -topk8 -nocrypt -outform DER`.
const RS256_PRIVATE_KEY: &[u8] = include_bytes!("rs256.pk8");

/// A private key.
#[derive(Debug)]
pub(super) enum SigningKey {
    Es256(EcdsaKeyPair),
    Es384(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl SigningKey {
    pub(super) fn es256() -> Option<Self> {
        generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::Es256)
    }

    pub(super) fn es384() -> Option<Self> {
        generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::Es384)
    }

    pub(super) fn rs256() -> Option<Self> {
        Self::rs256_from(RS256_PRIVATE_KEY)
    }

    /// Returns the key from an unencrypted PKCS #8 document.
    pub(super) fn rs256_from(pkcs8: &[u8]) -> Option<Self> {
        RsaKeyPair::from_pkcs8(pkcs8).ok().map(Self::Rs256)
    }

    /// Returns the algorithm's name in a token header.
    pub(super) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Es384(_) => "ES384",
            Self::Rs256(_) => "RS256",
        }
    }

    /// Returns the public key, or `None` for ES384, which neither the fakes nor Google verify.
    pub(super) fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Es256(key) => Some(PublicKey::p256(key.public_key().as_ref())),
            Self::Es384(_) => None,
            Self::Rs256(key) => {
                let RsaPublicKeyComponents { n, e } = key.public().into();
                Some(PublicKey::rsa(n, e))
            }
        }
    }

    /// Signs a token. Returns `None` if the system has no randomness.
    pub(super) fn sign_token(&self, header: &Value, claims: &Value) -> Option<String> {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.sign(signed.as_bytes())?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Signs a message. Returns `None` if the system has no randomness.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(key) | Self::Es384(key) => {
                key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec())
            }
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

fn generate(algorithm: &'static EcdsaSigningAlgorithm) -> Option<EcdsaKeyPair> {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).ok()?;
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).ok()
}
