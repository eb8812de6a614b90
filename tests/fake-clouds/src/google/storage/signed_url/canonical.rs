//! The canonical form of a request. Its hash is signed.

use http::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::digest::{SHA256, digest};

/// Every character except those that Cloud Storage leaves as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The header that has the hash of the body.
const BODY_HASH: &str = "x-goog-content-sha256";

/// A canonical request.
#[derive(Debug)]
pub(super) struct CanonicalRequest(String);

impl CanonicalRequest {
    pub(super) fn new(method: &Method, uri: &Uri, headers: &HeaderMap, signed: &[String]) -> Self {
        let path = encode_again(uri.path(), RESERVED_IN_PATH);
        let query = query(uri.query().unwrap_or_default());
        let lines: Vec<_> = signed.iter().map(|name| format!("{name}:{}\n", value(headers, name))).collect();
        let lines = lines.concat();
        let hash = signed.iter().find(|name| *name == BODY_HASH).map(|name| value(headers, name));
        let body = hash.unwrap_or_else(|| "UNSIGNED-PAYLOAD".to_owned());
        Self(format!("{method}\n{path}\n{query}\n{lines}\n{}\n{body}", signed.join(";")))
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Returns the SHA-256 hash in hexadecimal digits.
    pub(super) fn hash(&self) -> String {
        hex::encode(digest(&SHA256, self.0.as_bytes()))
    }
}

/// Returns the decoded parameters of a query in their order. A plus sign is no space here.
pub(super) fn query_pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Returns the parameters without the signature, encoded and then sorted.
fn query(query: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let pairs =
        query_pairs(query).into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("X-Goog-Signature"));
    let mut pairs: Vec<_> = pairs.map(|(name, value)| (encode(&name), encode(&value))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Returns the values of a header, with each run of spaces made one. The host has no port.
fn value(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().map(|value| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let value = if name == "host" { value.split(':').next().unwrap_or_default() } else { &value };
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    values.collect::<Vec<_>>().join(",")
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encode_again(text: &str, reserved: &'static AsciiSet) -> String {
    utf8_percent_encode(&decode(text), reserved).to_string()
}
