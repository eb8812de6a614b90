//! HTTP requests to all services except AWS STS. The AWS SDK sends those over the same connector.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;

use super::connector::connector;
use super::deadline::call_with_deadline;
use super::error::connection_error;
use super::sent_secrets::SentSecrets;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Service};
use crate::settings::Connection;

/// Maximum number of characters of a text that a service returns as a result. The longest are ARNs and principals.
const MAX_QUOTED_CHARS: usize = 2048;

/// A request.
pub(crate) struct Request<'a> {
    pub(crate) service: Service,
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// The `Date` header, unparsed.
    date: Option<String>,
    /// The `Retry-After` header, unparsed.
    retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) host: String,
    sent: SentSecrets,
}

impl Response {
    /// Returns a text of a successful response for people: cut off, and without the secrets of the request.
    pub(crate) fn quote(&self, text: &str) -> String {
        let end = text.char_indices().nth(MAX_QUOTED_CHARS).map_or(text.len(), |(end, _)| end);
        self.sent.redact(&text[..end])
    }

    /// Returns the time of the response, by the service's clock.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.date.as_deref()?).ok()
    }

    /// Returns the time that the service asks to wait before the next request, if it does.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.retry_after.as_deref()?, self.date.as_deref())
    }

    /// Corrects `clock` by the `Date` header, which must be AWS's.
    pub(crate) fn correct_clock(&self, clock: &Clock) {
        if let Some(date) = &self.date {
            clock.observe(date);
        }
    }

    /// Returns the error for a successful response with invalid content.
    pub(crate) fn unexpected(&self, service: Service, problem: &str) -> Error {
        let detail = format!("{}: {problem}", self.host);
        Error::new(ErrorKind::UnexpectedResponse, detail).from_service(service)
    }
}

/// Sends the request and reads the response.
pub(crate) async fn send(connection: &Connection, request: Request<'_>) -> Result<Response, Error> {
    let (service, host) = (request.service, host(request.url));
    let result = call_with_deadline(&host, send_once(connection, request, &host)).await;
    result.flatten().map_err(|error| error.from_service(service))
}

async fn send_once(connection: &Connection, request: Request<'_>, host: &str) -> Result<Response, Error> {
    let request = encode(request, host)?;
    let sent = SentSecrets::of(&request);
    let response = connector(connection)?.call(request).await;
    let response = response.map_err(|error| connection_error(&error, host))?;
    let header = |name| response.headers().get(name).map(ToOwned::to_owned);
    let (status, date, retry_after) = (response.status().as_u16(), header("date"), header("retry-after"));
    // The connector reads the body.
    let body = response.body().bytes().unwrap_or_default().to_vec();
    Ok(Response { status, date, retry_after, body, host: host.to_owned(), sent })
}

fn encode(request: Request<'_>, host: &str) -> Result<HttpRequest, Error> {
    // Settings accept only URLs and visible characters, so none of this fails.
    let invalid = |_| Error::new(ErrorKind::Rejected, format!("{host}: failed to encode the request"));
    let mut encoded = HttpRequest::new(SdkBody::from(request.body));
    encoded.set_method(request.method).map_err(invalid)?;
    encoded.set_uri(request.url).map_err(invalid)?;
    let default_headers =
        [("accept", "application/json"), ("user-agent", concat!("rolebridge/", env!("CARGO_PKG_VERSION")))];
    for (name, value) in default_headers.iter().chain(request.headers) {
        encoded.headers_mut().try_insert((*name).to_owned(), (*value).to_owned()).map_err(invalid)?;
    }
    Ok(encoded)
}

/// Returns the host of a URL, as errors name it, or the whole text if it is not a URL.
pub(crate) fn host(url: &str) -> String {
    let authority = url.parse::<http::Uri>().ok().and_then(|url| Some(url.authority()?.to_string()));
    authority.unwrap_or_else(|| url.to_owned())
}

/// Parses a time in the JSON of AWS or Google (RFC 3339).
pub(crate) fn parse_time(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
}

/// Parses the header `Retry-After` (RFC 9110 section 10.2.3): seconds, or a time by the clock that `date` is of.
pub(crate) fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(header).ok()?;
    until.duration_since(httpdate::parse_http_date(date?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DATE: Option<&str> = Some("Tue, 01 Dec 2026 12:00:00 GMT");

    #[rstest]
    #[case::seconds("30", None, Some(30))]
    #[case::time("Tue, 01 Dec 2026 12:02:00 GMT", DATE, Some(120))]
    #[case::past("Tue, 01 Dec 2026 11:00:00 GMT", DATE, None)]
    #[case::time_without_date("Tue, 01 Dec 2026 12:02:00 GMT", None, None)]
    #[case::negative("-1", DATE, None)]
    #[case::garbage("soon", DATE, None)]
    fn retry_after_is_seconds_or_a_time(
        #[case] header: &str,
        #[case] date: Option<&str>,
        #[case] seconds: Option<u64>,
    ) {
        assert_eq!(retry_after(header, date), seconds.map(Duration::from_secs));
    }
}
