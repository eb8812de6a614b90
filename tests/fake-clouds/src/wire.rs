//! HTTP requests and responses, without sockets.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::events::Detail;

/// A request with its complete body.
pub(crate) type Request = http::Request<Bytes>;

/// A response and its entry in the event log.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Trailers after the body: gRPC's status.
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) error: Option<String>,
    pub(crate) detail: Detail,
}

impl Response {
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers, body: body.into(), trailers: None, error: None, detail: Detail::Nothing }
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        // Google indents its JSON and ends it with a line break.
        Self::new(status, "application/json; charset=UTF-8", format!("{body:#}\n"))
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn with_error(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }

    pub(crate) fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }
}

/// Returns the value of a header, if it is text.
pub(crate) fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Returns true if the content type is that of a form.
pub(crate) fn is_form(request: &Request) -> bool {
    header(request, "content-type").is_some_and(is_form_content_type)
}

/// Returns true for the content type of a form. Google's C++ library sends it twice, separated by a comma, and Google
/// accepts it.
fn is_form_content_type(content_type: &str) -> bool {
    content_type.split([';', ',']).next().map(str::trim) == Some("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("application/x-www-form-urlencoded", true)]
    #[case("application/x-www-form-urlencoded; charset=utf-8", true)]
    #[case("application/x-www-form-urlencoded,application/x-www-form-urlencoded", true)]
    #[case("application/json", false)]
    #[case("application/x-www-form-urlencoded-not", false)]
    #[case("", false)]
    fn is_form_content_type_ignores_parameters_and_repetition(
        #[case] content_type: &str,
        #[case] is_form: bool,
    ) {
        assert_eq!(is_form_content_type(content_type), is_form, "{content_type}");
    }
}
