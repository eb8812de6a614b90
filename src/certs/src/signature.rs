//! Signatures of certificates, by the algorithms that Go accepts.

use rustls::crypto::ring;
use x509_parser::asn1_rs::{Any, oid};
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::certificate::Certificate;

/// Result of checking a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    /// The key made the signature, or would be assumed to: Go supports the algorithm, and ring does not.
    Valid,
    /// Another key made the signature.
    Invalid,
    /// Go does not accept the algorithm, for example with SHA-1.
    Unsupported,
}

/// ECDSA with SHA-256, SHA-384 and SHA-512.
const ECDSA: [Oid<'static>; 3] =
    [oid!(1.2.840.10045.4.3.2), oid!(1.2.840.10045.4.3.3), oid!(1.2.840.10045.4.3.4)];
/// The curves that Go supports: P-224, P-256, P-384 and P-521.
const CURVES: [Oid<'static>; 4] =
    [oid!(1.3.132.0.33), oid!(1.2.840.10045.3.1.7), oid!(1.3.132.0.34), oid!(1.3.132.0.35)];
/// Sizes in bits of RSA keys that ring verifies.
const RING_RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Minimum size in bits of an RSA key that Go accepts.
const MIN_RSA_BITS: usize = 1024;

/// Checks that the key of `issuer` signed `certificate`.
pub(crate) fn check(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> Signature {
    let key = &issuer.x509.tbs_certificate.subject_pki;
    let signature = &certificate.x509.signature_value.data;
    let algorithms = signature_algorithm(certificate).zip(key_algorithm(issuer));
    let Some((signature_algorithm, key_algorithm)) = algorithms else { return Signature::Unsupported };
    let supported = ring::default_provider().signature_verification_algorithms.all;
    let algorithm = supported.iter().find(|algorithm| {
        algorithm.signature_alg_id().as_ref() == signature_algorithm
            && algorithm.public_key_alg_id().as_ref() == key_algorithm
    });
    match (algorithm, key.parsed()) {
        (Some(_), Ok(PublicKey::RSA(rsa))) if !RING_RSA_BITS.contains(&rsa.key_size()) => {
            if rsa.key_size() < MIN_RSA_BITS { Signature::Unsupported } else { Signature::Valid }
        }
        (Some(algorithm), _) => {
            let message = certificate.x509.tbs_certificate.as_ref();
            let result = algorithm.verify_signature(&key.subject_public_key.data, message, signature);
            if result.is_ok() { Signature::Valid } else { Signature::Invalid }
        }
        (None, _) if is_ecdsa_of_go(certificate, issuer) => Signature::Valid,
        (None, _) => Signature::Unsupported,
    }
}

/// Returns true for ECDSA that Go supports. Ring lacks P-521, P-224, and some hashes.
fn is_ecdsa_of_go(certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
    let algorithm = &issuer.x509.tbs_certificate.subject_pki.algorithm;
    let curve = algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    ECDSA.contains(&certificate.x509.signature_algorithm.algorithm)
        && curve.is_some_and(|curve| CURVES.contains(&curve))
}

/// Returns the content of the element `signatureAlgorithm`.
fn signature_algorithm<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8]> {
    let (_, outer) = Any::from_der(certificate.der).ok()?;
    let (rest, _) = Any::from_der(outer.data).ok()?;
    Some(Any::from_der(rest).ok()?.1.data)
}

/// Returns the content of the element `algorithm` in the public key.
fn key_algorithm<'a>(certificate: &Certificate<'a>) -> Option<&'a [u8]> {
    let (_, outer) = Any::from_der(certificate.x509.tbs_certificate.subject_pki.raw).ok()?;
    Some(Any::from_der(outer.data).ok()?.1.data)
}
