//! Rejects requests that Google's libraries never send: with another host, from a proxy or from a browser.
//!
//! Node's own `fetch` sends one header that browsers send too, `Sec-Fetch-Mode: cors`. A browser never sends it alone:
//! the Fetch standard adds `Sec-Fetch-Site` and `Sec-Fetch-Dest` in the same step. The tests have recorded requests.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rolebridge_core::metadata_host::{NAMES, PORT};

/// The values of `Host` that a server accepts, and the message for others.
#[derive(Debug)]
pub(super) struct AllowedHosts {
    hosts: Vec<String>,
    message: &'static str,
}

impl AllowedHosts {
    /// Returns the hosts of a server on a port of 127.0.0.1.
    pub(super) fn loopback(port: u16) -> Self {
        Self {
            hosts: vec![format!("127.0.0.1:{port}"), format!("localhost:{port}")],
            message: "rejected: the Host header must be 127.0.0.1 or localhost with this server's port",
        }
    }

    /// Returns the hosts of a server at the names of Google's metadata server. The port may be omitted, since it is HTTP's, and
    /// Node's library ends the name with a dot.
    pub(super) fn metadata_server() -> Self {
        let forms = |name: &str| {
            [name.to_owned(), format!("{name}."), format!("{name}:{PORT}"), format!("{name}.:{PORT}")]
        };
        Self {
            hosts: NAMES.into_iter().flat_map(forms).collect(),
            message: "rejected: the Host header must be metadata.google.internal or metadata",
        }
    }
}

pub(super) async fn guard(hosts: Arc<AllowedHosts>, request: Request, next: Next) -> Response {
    match rejection(&hosts, &request) {
        Some((status, reason)) => (status, reason).into_response(),
        None => next.run(request).await,
    }
}

/// The headers that proxies add, by convention and by RFC 9110 and 7239.
const FORWARDING_HEADERS: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

/// The headers that a browser adds to a request of a page.
const BROWSER_HEADERS: [&str; 3] = ["origin", "referer", "cookie"];

/// The prefixes of the other headers that only a browser adds: scripts cannot set any of these, and future browsers
/// may add more.
const BROWSER_PREFIXES: [&str; 2] = ["sec-", "access-control-request-"];

fn rejection(allowed: &AllowedHosts, request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let is_allowed = |host: &str| allowed.hosts.iter().any(|allowed| allowed == host);
    if !host(headers).is_some_and(is_allowed)
        || request.uri().authority().is_some_and(|host| !is_allowed(host.as_str()))
    {
        return Some((StatusCode::FORBIDDEN, allowed.message));
    }
    if FORWARDING_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Some((StatusCode::FORBIDDEN, "rejected: the request was forwarded by a proxy"));
    }
    if headers.iter().any(|(name, value)| is_from_browser(name.as_str(), value)) {
        return Some((StatusCode::FORBIDDEN, "rejected: the request comes from a browser"));
    }
    // The router accepts HEAD wherever it accepts GET.
    if request.method() == Method::HEAD {
        return Some((StatusCode::METHOD_NOT_ALLOWED, ""));
    }
    None
}

/// Returns true if only a browser sends the header.
fn is_from_browser(name: &str, value: &HeaderValue) -> bool {
    let is_sent_by_node = name == "sec-fetch-mode" && value == "cors";
    !is_sent_by_node
        && (BROWSER_HEADERS.contains(&name) || BROWSER_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// Returns the `Host` header; `None` if there is none or more than one.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

#[cfg(test)]
mod tests;
