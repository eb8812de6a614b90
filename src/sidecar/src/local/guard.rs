//! What no library of Google's sends, and so is refused before anything else.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(super) async fn guard(hosts: Arc<[String; 2]>, request: Request, next: Next) -> Response {
    match refusal(&*hosts, &request) {
        Some((status, why)) => (status, why).into_response(),
        None => next.run(request).await,
    }
}

/// What a proxy adds, by custom and by RFC 9110 and 7239.
const FORWARDING: [&str; 3] = ["x-forwarded-for", "forwarded", "via"];

fn refusal(hosts: &[String], request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let named = |host: &str| hosts.iter().any(|ours| ours == host);
    if !host(headers).is_some_and(named)
        || request.uri().authority().is_some_and(|host| !named(host.as_str()))
    {
        return Some((
            StatusCode::FORBIDDEN,
            "this server answers to 127.0.0.1 and localhost with its port only",
        ));
    }
    if FORWARDING.iter().any(|name| headers.contains_key(*name)) {
        return Some((StatusCode::FORBIDDEN, "requests that a proxy forwards are refused"));
    }
    let of_a_browser = |name: &str| name == "origin" || name.starts_with("sec-fetch-");
    if headers.keys().any(|name| of_a_browser(name.as_str())) {
        return Some((StatusCode::FORBIDDEN, "requests of a browser are refused"));
    }
    // The router would answer HEAD where GET is allowed.
    if request.method() == Method::HEAD {
        return Some((StatusCode::METHOD_NOT_ALLOWED, ""));
    }
    None
}

/// The one `Host`; `None` if there are several.
fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}
