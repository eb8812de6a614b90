//! Rejects requests that Google's libraries never send: with another host, from a proxy or from a browser.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(super) async fn guard(hosts: Arc<[String; 2]>, request: Request, next: Next) -> Response {
    match rejection(&*hosts, &request) {
        Some((status, reason)) => (status, reason).into_response(),
        None => next.run(request).await,
    }
}

/// The headers that proxies add, by convention and by RFC 9110 and 7239.
const FORWARDING_HEADERS: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

fn rejection(hosts: &[String], request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let is_allowed = |host: &str| hosts.iter().any(|allowed| allowed == host);
    if !host(headers).is_some_and(is_allowed)
        || request.uri().authority().is_some_and(|host| !is_allowed(host.as_str()))
    {
        return Some((
            StatusCode::FORBIDDEN,
            "rejected: the Host header must be 127.0.0.1 or localhost with this server's port",
        ));
    }
    if FORWARDING_HEADERS.iter().any(|name| headers.contains_key(*name)) {
        return Some((StatusCode::FORBIDDEN, "rejected: the request was forwarded by a proxy"));
    }
    let is_browser_header = |name: &str| name == "origin" || name.starts_with("sec-fetch-");
    if headers.keys().any(|name| is_browser_header(name.as_str())) {
        return Some((StatusCode::FORBIDDEN, "rejected: the request comes from a browser"));
    }
    // The router accepts HEAD wherever it accepts GET.
    if request.method() == Method::HEAD {
        return Some((StatusCode::METHOD_NOT_ALLOWED, ""));
    }
    None
}

/// Returns the `Host` header; `None` if there is none or more than one.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}
