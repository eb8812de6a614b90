//! One request to somebody other than AWS STS and its answer, over the same connector.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use http_body_util::{BodyExt, Limited};

use crate::classify::connection_fault;
use crate::clock::Clock;
use crate::fault::{Fault, Peer, Reason};
use crate::http_client::connector;
use crate::settings::Connection;

/// For a whole call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// Tokens have up to a few kilobytes, refusals less.
const MOST_ANSWER: usize = 64 * 1024;

/// What is asked.
pub(crate) struct Request<'a> {
    pub(crate) peer: Peer,
    pub(crate) method: &'static str,
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When, by the other's clock: the header as it came.
    date: Option<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) host: String,
}

impl Answer {
    /// When, by the other's clock.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.date.as_deref()?).ok()
    }

    /// Corrects `clock` by the other's, which must be AWS's.
    pub(crate) fn correct(&self, clock: &Clock) {
        if let Some(date) = &self.date {
            clock.observe(date);
        }
    }

    /// It should be good and is not: `what` it has in it instead.
    pub(crate) fn unexpected(&self, peer: Peer, what: &str) -> Fault {
        Fault::new(Reason::UnexpectedAnswer, format!("{}: {what}", self.host)).at(peer)
    }
}

/// Asks.
pub(crate) async fn call(connection: &Connection, request: Request<'_>) -> Result<Answer, Fault> {
    let (peer, host) = (request.peer, host(request.url));
    let asked = tokio::time::timeout(CALL_TIMEOUT, ask(connection, request, &host)).await;
    let answer = asked.unwrap_or_else(|_| Err(Fault::new(Reason::Timeout, &host)));
    answer.map_err(|fault| fault.at(peer))
}

async fn ask(connection: &Connection, request: Request<'_>, host: &str) -> Result<Answer, Fault> {
    let response = connector(connection)?.call(encode(request, host)?).await;
    let response = response.map_err(|error| connection_fault(&error, host))?;
    let (status, date) = (response.status().as_u16(), response.headers().get("date").map(ToOwned::to_owned));
    let body = Limited::new(response.into_body(), MOST_ANSWER).collect().await;
    let body = body.map_err(|error| Fault::new(Reason::UnexpectedAnswer, format!("{host}: {error}")))?;
    Ok(Answer { status, date, body: body.to_bytes().to_vec(), host: host.to_owned() })
}

fn encode(request: Request<'_>, host: &str) -> Result<HttpRequest, Fault> {
    // Settings let only URLs and visible characters through, so none of this fails.
    let impossible = |_| Fault::new(Reason::Refused, format!("{host}: the request cannot be written"));
    let mut encoded = HttpRequest::new(SdkBody::from(request.body));
    encoded.set_method(request.method).map_err(impossible)?;
    encoded.set_uri(request.url).map_err(impossible)?;
    let own =
        [("accept", "application/json"), ("user-agent", concat!("rolebridge/", env!("CARGO_PKG_VERSION")))];
    for (name, value) in own.iter().chain(request.headers) {
        encoded.headers_mut().try_insert((*name).to_owned(), (*value).to_owned()).map_err(impossible)?;
    }
    Ok(encoded)
}

/// The host of a URL, as faults name it; of what is no URL, all of it.
pub(crate) fn host(url: &str) -> String {
    let authority = url.parse::<http::Uri>().ok().and_then(|url| Some(url.authority()?.to_string()));
    authority.unwrap_or_else(|| url.to_owned())
}

/// A time as it stands in the clouds' JSON (RFC 3339).
pub(crate) fn time(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
}
