//! The Secret's keys, and what they say.
//!
//! `ca.crt` and `ca.key` are the CA that signs, `tls.crt` and `tls.key` the certificate that is served, `old-ca.json` the
//! CAs of before. Anybody may delete or spoil any of them: what is missing is made again.

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
use super::state::{Key, Keyed, Leaf, Old, State};
use crate::certificates::Pair;

/// A Secret's data.
pub type Data = BTreeMap<String, ByteString>;

const AUTHORITY: (&str, &str) = ("ca.crt", "ca.key");
const LEAF: (&str, &str) = ("tls.crt", "tls.key");
const OLD: &str = "old-ca.json";

#[derive(Serialize, Deserialize)]
struct OldDocument {
    certificate: String,
    until: Timestamp,
}

/// Reads the Secret of a webhook of this DNS name. With it come the faults: what is unusable, and why, as long as there
/// is anything at all.
#[must_use]
pub fn read(data: &Data, name: &str, now: Timestamp) -> (State, Vec<String>) {
    let ours = [AUTHORITY.0, AUTHORITY.1, LEAF.0, LEAF.1, OLD];
    if !ours.iter().any(|key| data.contains_key(*key)) {
        return (State::default(), Vec::new());
    }
    let mut faults = Vec::new();
    let mut good = |read: Result<Keyed, String>| read.map_err(|fault| faults.push(fault)).ok();
    let authority =
        good(keyed(data, AUTHORITY).and_then(|authority| signs(&authority, name, now).map(|()| authority)));
    let leaf = good(keyed(data, LEAF).and_then(|leaf| lasts(leaf, now)));
    let old = old(data).map_err(|fault| faults.push(fault)).ok();
    let leaf = leaf.map(|keyed| {
        let signer = authority.as_ref().map(|authority| authority.certificate.clone());
        let of_authority =
            verify::verify_server_cert(slice::from_ref(&keyed.certificate), name, signer.as_slice(), now)
                .is_ok();
        Leaf { keyed, of_authority }
    });
    (State { authority, leaf, old }, faults)
}

/// Puts a state into a Secret's data. What else is in there stays.
///
/// # Errors
///
/// None that is known: the document can always be written.
pub fn write(state: &State, data: &mut Data) -> Result<(), serde_json::Error> {
    let leaf = state.leaf.as_ref().map(|leaf| &leaf.keyed);
    for ((certificate, key), keyed) in [(AUTHORITY, state.authority.as_ref()), (LEAF, leaf)] {
        let pem = keyed.map(|keyed| ca_bundle::pem([&keyed.certificate]).into_bytes());
        put(data, certificate, pem);
        put(data, key, keyed.map(|keyed| keyed.key.0.clone().into_bytes()));
    }
    let document =
        |old: &Old| OldDocument { certificate: ca_bundle::pem([&old.certificate]), until: old.until };
    let old: Vec<_> = state.old.iter().flatten().map(document).collect();
    put(data, OLD, Some(serde_json::to_vec_pretty(&old)?));
    Ok(())
}

fn put(data: &mut Data, key: &str, value: Option<Vec<u8>>) {
    match value {
        Some(value) => data.insert(key.to_owned(), ByteString(value)),
        None => data.remove(key),
    };
}

fn bytes<'a>(data: &'a Data, key: &str) -> Result<&'a [u8], String> {
    data.get(key).map(|bytes| bytes.0.as_slice()).ok_or_else(|| format!("{key} is missing"))
}

fn keyed(data: &Data, (certificate, key): (&str, &str)) -> Result<Keyed, String> {
    let (pem, key_pem) = (bytes(data, certificate)?, bytes(data, key)?);
    Pair::from_pem(pem, key_pem)
        .map_err(|error| format!("{certificate} with {key} is not usable: {error}"))?;
    let unreadable = || format!("{certificate} with {key} is not usable");
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| unreadable())?;
    let key = Key(str::from_utf8(key_pem).map_err(|_| unreadable())?.to_owned());
    Keyed::new(der, key).ok_or_else(unreadable)
}

/// Whether what a CA signs would be taken: the surest test is to sign something.
fn signs(authority: &Keyed, name: &str, now: Timestamp) -> Result<(), String> {
    let taken = issue::leaf(authority, name, now, Duration::from_mins(1)).is_ok_and(|probe| {
        verify::verify_server_cert(&[probe.certificate], name, slice::from_ref(&authority.certificate), now)
            .is_ok()
    });
    let (certificate, key) = AUTHORITY;
    if taken { Ok(()) } else { Err(format!("{certificate} with {key} is no CA for {name}, or has ended")) }
}

fn lasts(leaf: Keyed, now: Timestamp) -> Result<Keyed, String> {
    let ended = || format!("{} has ended at {}", LEAF.0, leaf.not_after);
    if now < leaf.not_after { Ok(leaf) } else { Err(ended()) }
}

fn old(data: &Data) -> Result<Vec<Old>, String> {
    let unusable = |error: &dyn Display| format!("{OLD} is not usable: {error}");
    let documents: Vec<OldDocument> =
        serde_json::from_slice(bytes(data, OLD)?).map_err(|error| unusable(&error))?;
    let read = |document: &OldDocument| {
        let certificate = CertificateDer::from_pem_slice(document.certificate.as_bytes());
        certificate
            .map(|certificate| Old { certificate, until: document.until })
            .map_err(|error| unusable(&error))
    };
    documents.iter().map(read).collect()
}
