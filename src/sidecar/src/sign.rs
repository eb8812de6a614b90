//! Signs the subject token: an AWS `GetCallerIdentity` request, which Google STS sends to AWS to identify the signer.
//!
//! Pure. ALL headers are signed, including the audience, so that a stolen token cannot be replayed to another provider.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    self, SignableBody, SignableRequest, SigningError, SigningInstructions, SigningSettings,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rolebridge_core::aws;
use rolebridge_core::google::TARGET_RESOURCE_HEADER;
use serde::Serialize;

use crate::subject_token::SubjectToken;

/// The characters to percent-encode: all but RFC 3986's unreserved ones.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An error of [`sign`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A parameter of the signer is missing.
    #[error("incomplete parameters of the signer: {0}")]
    Parameters(#[from] v4::signing_params::BuildError),
    /// The request is invalid, for example because the region is not part of a host name.
    #[error("failed to sign the request: {0}")]
    Request(#[from] SigningError),
    /// The request cannot be encoded as JSON.
    #[error("failed to encode the subject token: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// The request in the form that Google documents, without whitespace. The order of the keys is part of that form.
///
/// Source: "Obtain short-lived credentials with AWS", Google Cloud IAM documentation.
#[derive(Serialize)]
struct Request<'a> {
    headers: [Header<'a>; 5],
    method: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Header<'a> {
    key: &'static str,
    value: &'a str,
}

/// Signs a subject token for `audience` at `now`, for the public AWS STS host of `region`.
///
/// # Errors
/// Returns an error if `region` or `audience` is invalid in a URL or header. Settings reject such values.
pub fn sign(
    credentials: &Credentials,
    audience: &str,
    region: &str,
    now: SystemTime,
) -> Result<SubjectToken, SignError> {
    let host = aws::public_sts_host(region);
    let url = format!("https://{host}?Action=GetCallerIdentity&Version=2011-06-15");
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = [("host", host.as_str()), (TARGET_RESOURCE_HEADER, audience)];
    let request = SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::empty())?;
    let (added, _signature) = http_request::sign(request, &params)?.into_parts();
    encode(&url, &host, audience, &added)
}

fn encode(
    url: &str,
    host: &str,
    audience: &str,
    added: &SigningInstructions,
) -> Result<SubjectToken, SignError> {
    let added_header =
        |name: &str| added.headers().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    let header = |key, value| Header { key, value };
    let request = Request {
        headers: [
            header("Authorization", added_header("authorization")),
            header("host", host),
            header("x-amz-date", added_header("x-amz-date")),
            header("x-amz-security-token", added_header("x-amz-security-token")),
            header(TARGET_RESOURCE_HEADER, audience),
        ],
        method: "POST",
        url,
    };
    let json = serde_json::to_vec(&request)?;
    Ok(SubjectToken::new(percent_encode(&json, RESERVED).to_string()))
}
