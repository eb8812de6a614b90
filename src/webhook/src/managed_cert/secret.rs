//! Encodes and decodes the Secret's data.
//!
//! `ca.crt` and `ca.key` are the current CA, `tls.crt` and `tls.key` the serving certificate, `old-ca.json` the retired
//! CAs. Users may delete or corrupt any of them: missing and invalid parts are regenerated.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::slice;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::{ca_bundle, verify};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};

use super::issue;
use super::state::{CertAndKey, CertState, Leaf, PrivateKeyPem, RetiredCa};
use crate::http::cert_resolver::ServingCert;

/// Data of a Secret.
pub type SecretData = BTreeMap<String, ByteString>;

const CA_KEYS: (&str, &str) = ("ca.crt", "ca.key");
const LEAF_KEYS: (&str, &str) = ("tls.crt", "tls.key");
const RETIRED_KEY: &str = "old-ca.json";

#[derive(Serialize, Deserialize)]
struct RetiredCaDocument {
    certificate: String,
    until: Timestamp,
}

/// Decodes the Secret of a webhook with this DNS name. Returns the valid parts, and an error for each missing or invalid
/// part. A Secret without any of the keys is not an error.
#[must_use]
pub fn read(data: &SecretData, name: &str, now: Timestamp) -> (CertState, Vec<String>) {
    let keys = [CA_KEYS.0, CA_KEYS.1, LEAF_KEYS.0, LEAF_KEYS.1, RETIRED_KEY];
    if !keys.iter().any(|key| data.contains_key(*key)) {
        return (CertState::default(), Vec::new());
    }
    let mut errors = Vec::new();
    let mut collect = |part: Result<CertAndKey, String>| part.map_err(|error| errors.push(error)).ok();
    let ca = collect(read_cert_and_key(data, CA_KEYS).and_then(|ca| check_ca(ca, name, now)));
    let leaf = collect(read_cert_and_key(data, LEAF_KEYS).and_then(|leaf| check_unexpired(leaf, now)));
    let retired = read_retired(data).map_err(|error| errors.push(error)).ok();
    let leaf = leaf.map(|cert_and_key| {
        let issuer = ca.as_ref().map(|ca| ca.certificate.clone());
        let chain = slice::from_ref(&cert_and_key.certificate);
        let issued_by_current_ca = verify::verify_server_cert(chain, name, issuer.as_slice(), now).is_ok();
        Leaf { cert_and_key, issued_by_current_ca }
    });
    (CertState { ca, leaf, retired }, errors)
}

/// Encodes a state into a Secret's data. Other keys stay unchanged.
///
/// # Errors
///
/// Returns an error if the list of retired CAs cannot be serialized; no such case is known.
pub fn write(state: &CertState, data: &mut SecretData) -> Result<(), serde_json::Error> {
    let leaf = state.leaf.as_ref().map(|leaf| &leaf.cert_and_key);
    for ((certificate, key), cert_and_key) in [(CA_KEYS, state.ca.as_ref()), (LEAF_KEYS, leaf)] {
        let pem = cert_and_key.map(|pair| ca_bundle::pem([&pair.certificate]).into_bytes());
        put(data, certificate, pem);
        put(data, key, cert_and_key.map(|pair| pair.key.0.clone().into_bytes()));
    }
    let document = |retired: &RetiredCa| RetiredCaDocument {
        certificate: ca_bundle::pem([&retired.certificate]),
        until: retired.needed_until,
    };
    let retired: Vec<_> = state.retired.iter().flatten().map(document).collect();
    put(data, RETIRED_KEY, Some(serde_json::to_vec_pretty(&retired)?));
    Ok(())
}

fn put(data: &mut SecretData, key: &str, value: Option<Vec<u8>>) {
    match value {
        Some(value) => data.insert(key.to_owned(), ByteString(value)),
        None => data.remove(key),
    };
}

fn bytes<'a>(data: &'a SecretData, key: &str) -> Result<&'a [u8], String> {
    data.get(key).map(|bytes| bytes.0.as_slice()).ok_or_else(|| format!("{key} is missing"))
}

fn read_cert_and_key(data: &SecretData, (certificate, key): (&str, &str)) -> Result<CertAndKey, String> {
    let (pem, key_pem) = (bytes(data, certificate)?, bytes(data, key)?);
    ServingCert::from_pem(pem, key_pem)
        .map_err(|error| format!("{certificate} with {key} is invalid: {error}"))?;
    let invalid = || format!("{certificate} with {key} is invalid");
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| invalid())?;
    let key = PrivateKeyPem(str::from_utf8(key_pem).map_err(|_| invalid())?.to_owned());
    CertAndKey::new(der, key).ok_or_else(invalid)
}

/// Checks that certificates of a CA are accepted, by issuing one: no other test is as reliable.
fn check_ca(ca: CertAndKey, name: &str, now: Timestamp) -> Result<CertAndKey, String> {
    let accepted = issue::leaf(&ca, name, now, Duration::from_mins(1)).is_ok_and(|probe| {
        verify::verify_server_cert(&[probe.certificate], name, slice::from_ref(&ca.certificate), now).is_ok()
    });
    let (certificate, key) = CA_KEYS;
    if accepted {
        Ok(ca)
    } else {
        Err(format!("{certificate} with {key} is not a CA for {name}, or has expired"))
    }
}

fn check_unexpired(leaf: CertAndKey, now: Timestamp) -> Result<CertAndKey, String> {
    if now < leaf.not_after {
        Ok(leaf)
    } else {
        Err(format!("{} expired at {}", LEAF_KEYS.0, leaf.not_after))
    }
}

fn read_retired(data: &SecretData) -> Result<Vec<RetiredCa>, String> {
    let invalid = |error: &dyn Display| format!("{RETIRED_KEY} is invalid: {error}");
    let documents: Vec<RetiredCaDocument> =
        serde_json::from_slice(bytes(data, RETIRED_KEY)?).map_err(|error| invalid(&error))?;
    let read = |document: &RetiredCaDocument| {
        let certificate = CertificateDer::from_pem_slice(document.certificate.as_bytes());
        certificate
            .map(|certificate| RetiredCa { certificate, needed_until: document.until })
            .map_err(|error| invalid(&error))
    };
    documents.iter().map(read).collect()
}
