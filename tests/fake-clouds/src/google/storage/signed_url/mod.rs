//! Signed URLs of objects, in version 4: anyone may use them until they expire, with the rights of the account that signed.
//!
//! Source: "Signed URLs" and "Canonical requests" of Cloud Storage; the errors that users report. The tests compare the
//! canonical requests with Google's own conformance vectors.

mod canonical;
mod error;

use http::{Method, Uri};

use self::canonical::CanonicalRequest;
use self::error::UrlError;
use super::{content, json_path, path};
use crate::clock::Timestamp;
use crate::events::Detail;
use crate::google::cloud::Google;
use crate::google::error::ApiError;
use crate::google::principal::Principal;
use crate::wire::{Request, Response};

const ALGORITHM: &str = "GOOG4-RSA-SHA256";
/// The longest lifetime of a URL: seven days, in seconds.
const MAX_SECONDS: i64 = 604_800;
/// The tolerance for a time in the future, in seconds.
const MAX_SKEW: i64 = 15 * 60;

/// The parameters of a signature.
#[derive(Debug)]
struct Signature {
    /// The service account.
    email: String,
    /// `DATE/LOCATION/storage/goog4_request`.
    scope: String,
    /// The time as in the URL.
    date: String,
    signed: Timestamp,
    /// The lifetime.
    seconds: i64,
    /// The names of the signed headers.
    headers: Vec<String>,
    bytes: Vec<u8>,
}

/// Returns true for a request of the XML API with a signature in its query.
pub(super) fn is_signed(request: &Request) -> bool {
    json_path(request.uri().path()).is_none() && parameter(request.uri(), "X-Goog-Algorithm").is_some()
}

/// Returns the value of a query parameter. Google ignores the case of its own names, and gsutil writes them in lower case.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let pairs = canonical::query_pairs(uri.query().unwrap_or_default());
    pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

impl Signature {
    fn parse(uri: &Uri) -> Result<Self, UrlError> {
        let required = |name: &'static str| {
            parameter(uri, name).filter(|value| !value.is_empty()).ok_or_else(|| UrlError::missing(name))
        };
        if required("X-Goog-Algorithm")? != ALGORITHM {
            return Err(UrlError::malformed("X-Goog-Algorithm", "The algorithm must be GOOG4-RSA-SHA256."));
        }
        let invalid_scope = || {
            let details = "The credential must be EMAIL/DATE/LOCATION/storage/goog4_request.";
            UrlError::malformed("X-Goog-Credential", details)
        };
        let date = required("X-Goog-Date")?;
        let signed = Timestamp::from_amz(&date)
            .ok_or_else(|| UrlError::malformed("X-Goog-Date", "The time must be YYYYMMDDTHHMMSSZ."))?;
        let credential = required("X-Goog-Credential")?;
        let (email, scope) = credential.split_once('/').ok_or_else(invalid_scope)?;
        let parts: Vec<_> = scope.split('/').collect();
        if !matches!(parts[..], [day, location, "storage", "goog4_request"] if date.starts_with(day) && day.len() == 8 && !location.is_empty())
        {
            return Err(invalid_scope());
        }
        let seconds: Option<i64> = required("X-Goog-Expires")?.parse().ok();
        let seconds = seconds.filter(|seconds| (1..=MAX_SECONDS).contains(seconds)).ok_or_else(|| {
            UrlError::malformed("X-Goog-Expires", "The lifetime must be from 1 to 604800 seconds.")
        })?;
        let headers: Vec<_> = required("X-Goog-SignedHeaders")?.split(';').map(str::to_lowercase).collect();
        if !headers.iter().any(|name| name == "host") {
            return Err(UrlError::malformed("X-Goog-SignedHeaders", "The header host must be signed."));
        }
        let bytes = hex::decode(required("X-Goog-Signature")?)
            .map_err(|_| UrlError::malformed("X-Goog-Signature", "Signature was not hex encoded"))?;
        let (email, scope) = (email.to_owned(), scope.to_owned());
        Ok(Self { email, scope, date, signed, seconds, headers, bytes })
    }

    /// Checks the time.
    fn check_time(&self, now: Timestamp) -> Result<(), UrlError> {
        let expires = self.signed.plus(self.seconds);
        if now > expires {
            return Err(UrlError::expired(expires));
        }
        if self.signed > now.plus(MAX_SKEW) {
            return Err(UrlError::not_yet_valid(self.signed));
        }
        Ok(())
    }

    /// Returns the string that the account signed.
    fn string_to_sign(&self, canonical: &CanonicalRequest) -> String {
        format!("{ALGORITHM}\n{}\n{}\n{}", self.date, self.scope, canonical.hash())
    }
}

impl Google {
    /// Returns the object of a signed URL.
    pub(in crate::google) fn signed_object(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response, UrlError> {
        let signature = Signature::parse(request.uri())?;
        signature.check_time(now)?;
        let canonical =
            CanonicalRequest::new(request.method(), request.uri(), request.headers(), &signature.headers);
        let signed = signature.string_to_sign(&canonical);
        let account = self.service_accounts.find(&signature.email);
        if !account.is_some_and(|account| account.key.verify(signed.as_bytes(), &signature.bytes)) {
            return Err(UrlError::mismatch(&signed, canonical.text()));
        }
        let account = Principal::ServiceAccount { email: signature.email };
        let Some((bucket, Some(name))) = path(request) else {
            return Err(ApiError::unknown_method(request).into());
        };
        let object = self.storage.object(&bucket, &name, &account)?;
        let detail =
            Detail::SignedUrlUsed { principal: account.to_string(), object: format!("gs://{bucket}/{name}") };
        let mut response = content(object);
        if request.method() == Method::HEAD {
            response.body.clear();
        }
        Ok(response.with_detail(detail))
    }
}

#[cfg(test)]
mod tests;
