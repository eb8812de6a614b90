//! A response of AWS or Google. The first line of an input is `OPERATION STATUS DATE`, the rest is the body.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rolebridge_sidecar::fuzzing::replace_network;

/// The length of a part of a secret that must not be shown. Longer than the shortest part that is redacted, because a
/// percent sign or a backslash before a part may be decoded with its first characters.
const PART: usize = 16;

/// A response, and the secrets in the headers of the requests for it.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    date: String,
    body: String,
    sent: Arc<Mutex<Sent>>,
}

/// The number of requests so far, and the secrets in them that the input did not choose.
#[derive(Debug, Default)]
struct Sent {
    requests: usize,
    secrets: Vec<String>,
}

impl Answer {
    /// Returns the operation and the response of an input; `None` if it has no such form.
    pub fn parse(data: &[u8]) -> Option<(&str, Self)> {
        let (line, body) = std::str::from_utf8(data).ok()?.split_once('\n')?;
        let mut fields = line.splitn(3, ' ');
        let (operation, status) = (fields.next()?, fields.next()?.parse().ok()?);
        let date = fields.next().unwrap_or_default().to_owned();
        Some((operation, Self::new(status, date, body)))
    }

    /// Creates a response. An invalid status becomes 200.
    pub fn new(status: u16, date: String, body: &str) -> Self {
        let status = status.try_into().unwrap_or_else(|_| 200.try_into().expect("the status is valid"));
        Self { status, date, body: body.to_owned(), sent: Arc::default() }
    }

    /// Responds to all further requests with it.
    pub fn install(&self) {
        replace_network(SharedHttpConnector::new(self.clone()));
    }

    /// Returns true if it is an error response, which an error may quote.
    pub fn is_error(&self) -> bool {
        self.status.as_u16() != 200
    }

    /// Checks that a text contains no secret that was sent.
    pub fn assert_hidden(&self, text: &str, secrets: &[&str]) {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        for secret in secrets.iter().copied().chain(sent.secrets.iter().map(String::as_str)) {
            for part in secret.as_bytes().windows(PART).filter_map(|part| std::str::from_utf8(part).ok()) {
                assert!(
                    !text.contains(part) && !decoded.contains(part),
                    "{part} of {secret} is shown: {text}"
                );
            }
        }
    }

    /// Returns the response to a request. It may quote the request: `{request}`, `{encoded}`, `{decoded}`.
    pub fn respond(&self, request: &HttpRequest) -> HttpResponse {
        self.remember(request);
        let mut response = HttpResponse::new(self.status, SdkBody::from(self.quoting(request)));
        let _ = response.headers_mut().try_insert("date", self.date.clone());
        response
    }

    /// Remembers the secrets of a request. A token may come from an earlier successful response, so the input may have chosen it
    /// and put words of an error into it, such as a host's name. Such a token is left out.
    fn remember(&self, request: &HttpRequest) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.requests += 1;
        let is_own = sent.requests == 1 || self.is_error();
        for (name, value) in request.headers() {
            // The input may also choose a bearer token with the word.
            let signed = value.strip_prefix("AWS4-HMAC-SHA256 ");
            let signature = signed.and_then(|value| Some(value.rsplit_once("Signature=")?.1));
            let secret = match name.to_ascii_lowercase().as_str() {
                "authorization" => signature.or(is_own.then_some(value)),
                "x-amz-security-token" => is_own.then_some(value),
                _ => None,
            };
            sent.secrets.extend(secret.map(ToOwned::to_owned));
        }
    }

    fn quoting(&self, request: &HttpRequest) -> String {
        if !self.body.contains('{') {
            return self.body.clone();
        }
        let form = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let values = request.headers().iter().map(|(_, value)| value);
        let text = values.chain([form.as_ref()]).collect::<Vec<_>>().join(" ");
        let json = |text: &str| serde_json::to_string(text).unwrap_or_default().trim_matches('"').to_owned();
        let decoded = percent_decode_str(&text).decode_utf8_lossy();
        self.body
            .replace("{request}", &json(&text))
            .replace("{encoded}", &utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string())
            .replace("{decoded}", &json(&decoded))
    }
}

impl HttpConnector for Answer {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.respond(&request)))
    }
}
