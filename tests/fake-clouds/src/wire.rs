//! HTTP requests and responses, without sockets.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
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

/// The fields of a form or a query, in their order.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Parses the query.
    pub(crate) fn from_query(request: &Request) -> Self {
        Self::parse(request.uri().query().unwrap_or_default())
    }

    /// Parses the form in the body.
    pub(crate) fn from_form(request: &Request) -> Self {
        Self::parse(&String::from_utf8_lossy(request.body()))
    }

    /// Parses text in the format of a query.
    pub(crate) fn parse(text: &str) -> Self {
        let decode = |part: &str| {
            let spaced: Cow<'_, str> =
                if part.contains('+') { part.replace('+', " ").into() } else { part.into() };
            percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// Returns the values of a list in AWS's Query protocol: `NAME.member.1` and so on.
    pub(crate) fn members(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|nth| self.value(&format!("{name}.member.{nth}"))).collect()
    }

    /// Returns all names; a repeated name repeats here.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the values of a name that may be repeated, or `None` if it is absent.
    pub(crate) fn values(&self, name: &str) -> Option<Vec<String>> {
        let values: Vec<_> =
            self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect();
        (!values.is_empty()).then_some(values)
    }

    /// Returns the first value of a name.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
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

/// Google's C++ library sends the content type twice, separated by a comma, and Google accepts it.
fn is_form_content_type(content_type: &str) -> bool {
    content_type.split([';', ',']).next().map(str::trim) == Some("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_form_content_type_ignores_parameters_and_repetition() {
        for (content_type, is_form) in [
            ("application/x-www-form-urlencoded", true),
            ("application/x-www-form-urlencoded; charset=utf-8", true),
            ("application/x-www-form-urlencoded,application/x-www-form-urlencoded", true),
            ("application/json", false),
            ("application/x-www-form-urlencoded-not", false),
            ("", false),
        ] {
            assert_eq!(is_form_content_type(content_type), is_form, "{content_type}");
        }
    }

    #[test]
    fn fields_are_decoded_once() {
        let fields = Fields::parse("a=1+2&b=%252F&c&a=3&=x");
        assert_eq!(fields.value("a"), Some("1 2"));
        assert_eq!(fields.value("b"), Some("%2F"));
        assert_eq!(fields.value("c"), Some(""));
        assert_eq!(fields.value("d"), None);
        assert_eq!(fields.values("a"), Some(vec!["1 2".to_owned(), "3".to_owned()]));
        assert_eq!(fields.values("d"), None);
        assert_eq!(fields.names().collect::<Vec<_>>(), ["a", "b", "c", "a", ""]);
        let list = Fields::parse("x.member.2=b&x.member.1=a&x.member.4=d&y.member.1=c");
        assert_eq!(list.members("x"), ["a", "b"]);
    }
}
