//! Makes the subject token: a signed AWS `GetCallerIdentity` request, which Google STS posts to AWS to learn who signed.
//!
//! Pure. ALL headers are signed, the audience among them, so that a stolen token cannot be replayed to another provider.

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

/// Everything but RFC 3986's unreserved characters is encoded.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A builder lacks a parameter.
    #[error("the signer's parameters are incomplete: {0}")]
    Parameters(#[from] v4::signing_params::BuildError),
    /// What is to be signed is not a request, such as a region that makes no host name.
    #[error("the request cannot be signed: {0}")]
    Request(#[from] SigningError),
    /// The token is not JSON.
    #[error("the subject token cannot be encoded: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// Google's documented form of the request, compact. The order of the keys is part of what it documents.
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

/// Signs for `audience` at `now`, for the public AWS STS host of `region`.
///
/// # Errors
/// If `region` or `audience` hold what no URL or header can; settings refuse such values before.
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
    let of = |name: &str| added.headers().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    let header = |key, value| Header { key, value };
    let request = Request {
        headers: [
            header("Authorization", of("authorization")),
            header("host", host),
            header("x-amz-date", of("x-amz-date")),
            header("x-amz-security-token", of("x-amz-security-token")),
            header(TARGET_RESOURCE_HEADER, audience),
        ],
        method: "POST",
        url,
    };
    let json = serde_json::to_vec(&request)?;
    Ok(SubjectToken::new(percent_encode(&json, RESERVED).to_string()))
}
