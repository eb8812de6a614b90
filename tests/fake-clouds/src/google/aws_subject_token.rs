//! The subject token of type `aws4_request`: a signed request, which Google parses before posting it to AWS.
//!
//! Source: the STS REST reference, `subjectToken`, and users' reports of the two error messages. Which of them Google
//! returns for which problem is known only for an empty token.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use rolebridge_core::google::TARGET_RESOURCE_HEADER;
use serde::Deserialize;

use super::error::OauthError;
use crate::aws::host;
use crate::aws::sigv4::Authorization;
use crate::wire::{Request, header};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    url: String,
    method: String,
    headers: Vec<Header>,
    #[serde(default)]
    body: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    key: String,
    value: String,
}

/// The signed request, ready to post.
#[derive(Debug)]
pub(crate) struct AwsSubjectToken {
    pub(crate) request: Request,
    pub(crate) host: String,
    /// True if the signature covers the audience.
    pub(crate) audience_signed: bool,
}

impl AwsSubjectToken {
    /// Parses a token for a provider.
    pub(crate) fn parse(token: &str, audience: &str) -> Result<Self, OauthError> {
        // Google's Python and Node libraries encode a space as `%20`, its Go and Rust libraries as `+`.
        let token = token.replace('+', "%20");
        let json = percent_decode_str(&token).decode_utf8().map_err(|_| invalid("expected UTF-8"))?;
        if !json.trim_start().starts_with('{') {
            return Err(not_json());
        }
        let document: Document = serde_json::from_str(&json).map_err(|error| {
            invalid(&format!("expected percent-encoded JSON with url, method and headers: {error}"))
        })?;
        let (uri, host) = target(&document.url)?;
        if document.method != Method::POST.as_str() {
            return Err(invalid(&format!("method: expected POST, found `{}`", document.method)));
        }
        if !document.body.is_empty() {
            return Err(invalid("body: expected none, because GetCallerIdentity belongs in the query"));
        }
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        for Header { key, value } in document.headers {
            let (Ok(name), Ok(text)) =
                (HeaderName::try_from(key.as_str()), HeaderValue::try_from(value.as_str()))
            else {
                return Err(invalid(&format!("headers: expected a header name and value, found `{key}`")));
            };
            // Google's Java library writes the audience twice, signed as one header, and Google accepts it.
            if request.headers().get(&name).is_some_and(|existing| *existing != text) {
                return Err(invalid(&format!("headers: duplicate header `{key}`")));
            }
            request.headers_mut().insert(name, text);
        }
        check_headers(&request, &host, audience)?;
        let signed = Authorization::parse(&request)
            .is_ok_and(|authorization| authorization.covers(TARGET_RESOURCE_HEADER));
        Ok(Self { request, host, audience_signed: signed })
    }
}

/// Returns the path and query of the URL, and its host, which must be one of AWS STS.
fn target(url: &str) -> Result<(Uri, String), OauthError> {
    let invalid_url = || {
        invalid(&format!(
            "url: expected https://sts.REGION.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15, found `{url}`"
        ))
    };
    // `http::Uri` cannot parse a URL with a query but no path.
    let rest = url.strip_prefix("https://").ok_or_else(invalid_url)?;
    let (host, query) = rest.split_once('?').ok_or_else(invalid_url)?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let query_matches = {
        let mut pairs: Vec<_> = query.split('&').collect();
        pairs.sort_unstable();
        pairs == ["Action=GetCallerIdentity", "Version=2011-06-15"]
    };
    if !host::is_public(host) || !query_matches {
        return Err(invalid_url());
    }
    let uri = format!("/?{query}").parse().map_err(|_| invalid_url())?;
    Ok((uri, host.to_owned()))
}

fn check_headers(request: &Request, host: &str, audience: &str) -> Result<(), OauthError> {
    for name in ["authorization", "x-amz-date", "host", TARGET_RESOURCE_HEADER] {
        if header(request, name).is_none() {
            return Err(invalid(&format!("headers: missing {name}")));
        }
    }
    if header(request, "host") != Some(host) {
        return Err(invalid("headers: host differs from the host in the url"));
    }
    let target = header(request, TARGET_RESOURCE_HEADER).unwrap_or_default();
    if target.strip_prefix("https:").unwrap_or(target) != audience {
        return Err(invalid(&format!(
            "{TARGET_RESOURCE_HEADER}: expected the audience {audience}, found `{target}`"
        )));
    }
    Ok(())
}

/// Returns Google's error for a token that it could parse, but not accept. `problem` is only for the event log.
fn invalid(problem: &str) -> OauthError {
    OauthError::new("invalid_grant", "AWS request has invalid format.").with_cause(problem)
}

/// Returns Google's error for a token that is not JSON. Only this message is known, which is that for an empty token.
fn not_json() -> OauthError {
    let description =
        "Invalid format of AWS credentials:Error at line 0:0: Unexpected end of stream : expected '{'";
    OauthError::new("invalid_grant", description).with_cause("expected percent-encoded JSON")
}
