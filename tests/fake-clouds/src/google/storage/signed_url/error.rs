//! Errors of the XML API.
//!
//! Source: "HTTP status and error codes for XML" of Cloud Storage, and the responses that users report. The details of a
//! malformed parameter are this fake's own words.

use http::StatusCode;

use crate::aws::xml::escape;
use crate::clock::Timestamp;
use crate::google::error::ApiError;
use crate::wire::Response;

/// An error of a signed URL.
#[derive(Debug)]
pub(in crate::google) struct UrlError {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    /// Further elements: the name and the text.
    elements: Vec<(&'static str, String)>,
}

impl UrlError {
    fn new(
        status: StatusCode,
        code: &'static str,
        message: &'static str,
        elements: Vec<(&'static str, String)>,
    ) -> Self {
        Self { status, code, message, elements }
    }

    /// Returns the error of a parameter with an invalid value.
    pub(super) fn malformed(parameter: &'static str, details: &str) -> Self {
        let elements = vec![("ParameterName", parameter.to_owned()), ("Details", details.to_owned())];
        Self::new(
            StatusCode::BAD_REQUEST,
            "MalformedSecurityHeader",
            "Your request has a malformed header.",
            elements,
        )
    }

    pub(super) fn missing(parameter: &'static str) -> Self {
        Self::malformed(parameter, "The parameter is missing.")
    }

    pub(super) fn expired(at: Timestamp) -> Self {
        let details = format!("Request signature expired at: {}", at.to_string().replace('Z', "+00:00"));
        let elements = vec![("Details", details)];
        Self::new(StatusCode::BAD_REQUEST, "ExpiredToken", "The provided token has expired.", elements)
    }

    pub(super) fn not_yet_valid(signed: Timestamp) -> Self {
        // The details are this fake's own words.
        let elements = vec![("Details", format!("Request signature is valid from: {signed}"))];
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access denied.", elements)
    }

    pub(super) fn mismatch(string_to_sign: &str, canonical: &str) -> Self {
        let details = "The request signature we calculated does not match the signature you provided. Check your Google \
                       secret key and signing method.";
        let elements = vec![
            ("Details", details.to_owned()),
            ("StringToSign", string_to_sign.to_owned()),
            ("CanonicalRequest", canonical.to_owned()),
        ];
        Self::new(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "Access denied.", elements)
    }
}

/// Returns the error in the words of the XML API.
impl From<ApiError> for UrlError {
    fn from(error: ApiError) -> Self {
        let elements = vec![("Details", error.message().to_owned())];
        match error.status() {
            StatusCode::FORBIDDEN => {
                Self::new(StatusCode::FORBIDDEN, "AccessDenied", "Access denied.", elements)
            }
            StatusCode::NOT_FOUND if error.message().starts_with("No such object") => {
                Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.", elements)
            }
            _ => Self::new(
                StatusCode::NOT_FOUND,
                "NoSuchBucket",
                "The specified bucket does not exist.",
                Vec::new(),
            ),
        }
    }
}

impl From<UrlError> for Response {
    fn from(error: UrlError) -> Self {
        let UrlError { status, code, message, elements } = error;
        let tags = elements.iter().map(|(name, text)| format!("<{name}>{}</{name}>", escape(text)));
        let tags = tags.collect::<Vec<_>>().concat();
        let body = format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{message}</Message>{tags}</Error>"
        );
        let details = elements.iter().find(|(name, _)| *name == "Details").map_or(message, |(_, text)| text);
        Self::new(status, "application/xml; charset=UTF-8", body).with_error(format!("{code}: {details}"))
    }
}
