//! Verification of Signature Version 4: computes the signature from the received request.
//!
//! Implements AWS's documentation ("Create a signed AWS API request") on ring's primitives, and so is independent of
//! the crate with which the sidecar signs.

use std::fmt::Write;

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ring::{digest, hmac};

use super::error::Error;
use crate::clock::Timestamp;
use crate::wire::{Request, header};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const SERVICE: &str = "sts";

/// Every character except AWS's unreserved ones.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// The parsed header `Authorization` and its date.
#[derive(Debug)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key: &'a str,
    scope: CredentialScope<'a>,
    headers: Vec<&'a str>,
    signature: &'a str,
    date: &'a str,
}

#[derive(Debug)]
struct CredentialScope<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
    terminator: &'a str,
}

impl<'a> Authorization<'a> {
    /// Parses the signature of a request.
    pub(crate) fn parse(request: &'a Request) -> Result<Self, Error> {
        let missing = || {
            Error::new(
                http::StatusCode::FORBIDDEN,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            )
        };
        let authorization = header(request, "authorization").ok_or_else(missing)?;
        let (algorithm, parameters) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if algorithm != ALGORITHM {
            return Err(Error::incomplete_signature(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
        }
        let parameter = |name: &str| {
            parameters.split(',').find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let (credential, names, signature) =
            (parameter("Credential"), parameter("SignedHeaders"), parameter("Signature"));
        let date = header(request, "x-amz-date");
        let (Some(credential), Some(names), Some(signature), Some(date)) =
            (credential, names, signature, date)
        else {
            return Err(incomplete(credential, names, signature, date));
        };
        let parts: Vec<_> = credential.split('/').collect();
        let [access_key, scope_date, region, service, terminator] = parts[..] else {
            return Err(Error::incomplete_signature(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )));
        };
        let scope = CredentialScope { date: scope_date, region, service, terminator };
        Ok(Self { access_key, scope, headers: names.split(';').collect(), signature, date })
    }

    /// Returns the region in the credential scope.
    pub(crate) const fn region(&self) -> &'a str {
        self.scope.region
    }

    /// Checks everything but the signature: times, scope, and that every header that AWS requires is signed.
    pub(crate) fn check(&self, request: &Request, now: Timestamp, minutes: i64) -> Result<(), Error> {
        self.check_headers(request)?;
        self.check_date(now, minutes)?;
        self.scope.check(self.date, header(request, "host").unwrap_or_default())
    }

    fn check_headers(&self, request: &Request) -> Result<(), Error> {
        let signed = |name: &str| self.headers.contains(&name);
        if !signed("host") {
            return Err(Error::signature(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        let unsigned = |name: &&str| name.starts_with("x-amz-") && !signed(name);
        if let Some(name) = request.headers().keys().map(http::HeaderName::as_str).find(unsigned) {
            return Err(Error::signature(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
        if !self.headers.is_sorted() {
            return Err(mismatch());
        }
        Ok(())
    }

    fn check_date(&self, now: Timestamp, minutes: i64) -> Result<(), Error> {
        let at = Timestamp::from_amz(self.date).ok_or_else(|| {
            Error::incomplete_signature(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                self.date
            ))
        })?;
        let (oldest, newest) = (now.plus(-60 * minutes), now.plus(60 * minutes));
        if at < oldest {
            return Err(Error::signature(format!(
                "Signature expired: {} is now earlier than {} ({} - {minutes} min.)",
                at.amz(),
                oldest.amz(),
                now.amz()
            )));
        }
        if at > newest {
            return Err(Error::signature(format!(
                "Signature not yet current: {} is still later than {} ({} + {minutes} min.)",
                at.amz(),
                newest.amz(),
                now.amz()
            )));
        }
        Ok(())
    }

    /// Verifies the signature with the secret key.
    pub(crate) fn verify(&self, request: &Request, secret: &str) -> Result<(), Error> {
        let canonical = self.canonical_request(request)?;
        let hash = sha256_hex(canonical.as_bytes());
        let CredentialScope { date, region, service, terminator } = self.scope;
        let to_sign = format!("{ALGORITHM}\n{}\n{date}/{region}/{service}/{terminator}\n{hash}", self.date);
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [date, region, service, terminator] {
            key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let signature = decode_lower_hex(self.signature).ok_or_else(mismatch)?;
        hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &key), to_sign.as_bytes(), &signature)
            .map_err(|_| mismatch())
    }

    fn canonical_request(&self, request: &Request) -> Result<String, Error> {
        let mut headers = String::new();
        for name in &self.headers {
            let value = canonical_value(request.headers(), name).ok_or_else(mismatch)?;
            let _ = writeln!(headers, "{name}:{value}");
        }
        let path = match request.uri().path() {
            "" => "/",
            path => path,
        };
        Ok(format!(
            "{}\n{}\n{}\n{headers}\n{}\n{}",
            request.method(),
            // Every service except S3 encodes the path a second time.
            utf8_percent_encode(path, RESERVED_IN_PATH),
            canonical_query(request.uri().query().unwrap_or_default()),
            self.headers.join(";"),
            sha256_hex(request.body()),
        ))
    }

    /// Returns true if the signature covers a header.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.headers.contains(&name)
    }
}

impl CredentialScope<'_> {
    fn check(&self, date: &str, host: &str) -> Result<(), Error> {
        if self.terminator != TERMINATOR {
            return Err(Error::signature(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
                self.terminator
            )));
        }
        if self.service != SERVICE {
            return Err(Error::signature(format!(
                "Credential should be scoped to correct service: '{SERVICE}'. "
            )));
        }
        if Some(self.date) != date.get(..8) {
            return Err(Error::signature(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{date}'.",
                self.date,
                date.get(..8).unwrap_or(date)
            )));
        }
        let region = super::host::region(host);
        if region.is_some_and(|region| region != self.region) || !super::host::is_region(self.region) {
            return Err(Error::signature("Credential should be scoped to a valid region. "));
        }
        Ok(())
    }
}

fn incomplete(
    credential: Option<&str>,
    names: Option<&str>,
    signature: Option<&str>,
    date: Option<&str>,
) -> Error {
    let mut message = String::new();
    for (name, value) in [("Credential", credential), ("Signature", signature), ("SignedHeaders", names)] {
        if value.is_none() {
            let _ = write!(message, "Authorization header requires '{name}' parameter. ");
        }
    }
    if date.is_none() {
        message.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    let _ = write!(message, "Authorization={ALGORITHM}");
    Error::incomplete_signature(message)
}

fn mismatch() -> Error {
    Error::signature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    )
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// Decodes lower-case hexadecimal digits: AWS accepts no other signature.
fn decode_lower_hex(text: &str) -> Option<Vec<u8>> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) { None } else { hex::decode(text).ok() }
}

/// Returns all values of a header, trimmed, with single spaces and joined by commas, or `None` if it is absent.
fn canonical_value(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<String> = values
        .map(|value| {
            value
                .to_str()
                .map(|text| text.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" "))
        })
        .collect::<Result<_, _>>()
        .ok()?;
    (!values.is_empty()).then(|| values.join(","))
}

/// Returns the query with every name and value in AWS's encoding, sorted.
fn canonical_query(query: &str) -> String {
    let encode = |part: &str| {
        let decoded: Vec<u8> = percent_decode_str(part).collect();
        percent_encoding::percent_encode(&decoded, RESERVED).to_string()
    };
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests;
