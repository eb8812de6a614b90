//! Public keys of issuers, from JWKS documents and PEM files: ES256 and RS256, with which EKS and kubeadm clusters
//! sign.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Value, json};
use x509_parser::oid_registry::OID_EC_P256;
use x509_parser::prelude::FromDer;
use x509_parser::public_key;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::jwt::Jwt;

/// A public key.
#[derive(Debug)]
pub(super) struct PublicKey {
    kid: Option<String>,
    material: KeyMaterial,
}

#[derive(Debug)]
enum KeyMaterial {
    /// An uncompressed point: 4, x, y.
    P256(Vec<u8>),
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
}

impl PublicKey {
    /// Returns a key from an uncompressed point, with a derived ID.
    pub(super) fn p256(point: &[u8]) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, point));
        Self { kid: Some(kid), material: KeyMaterial::P256(point.to_vec()) }
    }

    /// Returns an RSA key with a derived ID.
    pub(super) fn rsa(modulus: Vec<u8>, exponent: Vec<u8>) -> Self {
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, &modulus));
        Self { kid: Some(kid), material: KeyMaterial::Rsa { modulus, exponent } }
    }

    /// Sets the ID, if there is one.
    pub(super) fn with_kid(self, kid: Option<&str>) -> Self {
        Self { kid: kid.map(ToOwned::to_owned).or(self.kid), ..self }
    }

    pub(super) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns true if the ID and the algorithm of a token match the key.
    pub(super) fn matches(&self, token: &Jwt) -> bool {
        // The key determines the algorithm: a token's header is not trusted.
        let algorithm = match &self.material {
            KeyMaterial::P256(_) => "ES256",
            KeyMaterial::Rsa { .. } => "RS256",
        };
        let id_matches = self.kid().zip(token.kid()).is_none_or(|(key_id, token_id)| key_id == token_id);
        id_matches && token.algorithm() == algorithm
    }

    /// Returns true if the key signed a matching token.
    pub(super) fn verify(&self, token: &Jwt) -> bool {
        self.verify_message(token.signed.as_bytes(), &token.signature)
    }

    /// Returns true if the key signed a message.
    pub(super) fn verify_message(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            KeyMaterial::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            KeyMaterial::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }

    pub(super) fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.material {
            KeyMaterial::P256(point) => json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
                "x": encode(&point[1..33]), "y": encode(&point[33..]),
            }),
            KeyMaterial::Rsa { modulus, exponent } => json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                "n": encode(modulus), "e": encode(exponent),
            }),
        }
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: Option<String>,
    #[serde(flatten)]
    material: JwkKeyMaterial,
}

#[derive(Deserialize)]
#[serde(tag = "kty")]
enum JwkKeyMaterial {
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

pub(super) fn from_jwks(document: &Value) -> Result<Vec<PublicKey>, String> {
    let jwks =
        Jwks::deserialize(document).map_err(|error| format!("keys: expected a JWKS document: {error}"))?;
    jwks.keys.into_iter().map(from_jwk).collect()
}

fn from_jwk(jwk: Jwk) -> Result<PublicKey, String> {
    let decode = |part: &str| {
        URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| format!("JWK: expected base64url without padding, found `{part}`"))
    };
    let material = match &jwk.material {
        JwkKeyMaterial::Ec { crv, x, y } => {
            let point = [vec![4], decode(x)?, decode(y)?].concat();
            if crv != "P-256" || point.len() != POINT_LEN {
                return Err(format!(
                    "JWK: expected a P-256 (ES256) or RSA (RS256) key, found the curve {crv}"
                ));
            }
            KeyMaterial::P256(point)
        }
        JwkKeyMaterial::Rsa { n, e } => KeyMaterial::Rsa { modulus: decode(n)?, exponent: decode(e)? },
    };
    Ok(PublicKey { kid: jwk.kid, material })
}

pub(super) fn from_pem(texts: &[String]) -> Result<Vec<PublicKey>, String> {
    let keys = texts.iter().flat_map(|text| SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes()));
    let keys = keys.map(|der| {
        let der = der.map_err(|error| format!("key: expected PEM: {error}"))?;
        let material = from_spki(&der)
            .ok_or_else(|| "key: expected a P-256 (ES256) or RSA (RS256) `PUBLIC KEY` in PEM".to_owned())?;
        Ok(PublicKey { kid: None, material })
    });
    let keys: Vec<_> = keys.collect::<Result<_, String>>()?;
    if keys.is_empty() {
        Err("keys: expected a `PUBLIC KEY` in PEM, found none".to_owned())
    } else {
        Ok(keys)
    }
}

/// The length of an uncompressed point of P-256, in bytes.
const POINT_LEN: usize = 65;

/// Parses a `SubjectPublicKeyInfo`.
fn from_spki(der: &[u8]) -> Option<KeyMaterial> {
    let (_, spki) = SubjectPublicKeyInfo::from_der(der).ok()?;
    match spki.parsed().ok()? {
        public_key::PublicKey::EC(point) => {
            let curve = spki.algorithm.parameters.as_ref()?.as_oid().ok()?;
            let is_uncompressed = point.data().len() == POINT_LEN && point.data()[0] == 4;
            (curve == OID_EC_P256 && is_uncompressed).then(|| KeyMaterial::P256(point.data().to_vec()))
        }
        public_key::PublicKey::RSA(key) => {
            // DER puts a zero before a number with its first bit set.
            let strip_sign = |number: &[u8]| number.strip_prefix(&[0]).unwrap_or(number).to_vec();
            Some(KeyMaterial::Rsa { modulus: strip_sign(key.modulus), exponent: strip_sign(key.exponent) })
        }
        _ => None,
    }
}
