//! Requests as recorded from clients and browsers, in November 2026: everything that the guard reads of them.
//!
//! The pages were at `http://localhost:7002`, and the server at `http://127.0.0.1:15080`.

use axum::body::Body;
use axum::http::Request;
use rstest::rstest;

use super::*;

/// The port of the settings.
const PORT: u16 = 15080;

fn reason(method: &str, headers: &str) -> Option<&'static str> {
    let mut request = Request::builder().method(method).uri("/").header("host", format!("127.0.0.1:{PORT}"));
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name.trim(), value);
    }
    let hosts = AllowedHosts::loopback(PORT);
    rejection(&hosts, &request.body(Body::empty()).unwrap()).map(|(_, reason)| reason)
}

#[rstest]
#[case("metadata.google.internal", true)]
#[case("metadata.google.internal:80", true)]
#[case("metadata.google.internal.", true)]
#[case("metadata", true)]
#[case("metadata:80", true)]
#[case("metadata.google.internal:15080", false)]
#[case("metadata.google.internal.evil.example", false)]
#[case("127.0.0.1", false)]
#[case("127.0.0.1:80", false)]
#[case("localhost", false)]
#[case("169.254.169.254", false)]
#[case("", false)]
fn metadata_server_accepts_its_own_names_only(#[case] host: &str, #[case] accepted: bool) {
    let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
    let expected =
        (StatusCode::FORBIDDEN, "rejected: the Host header must be metadata.google.internal or metadata");
    assert_eq!(rejection(&AllowedHosts::metadata_server(), &request), (!accepted).then_some(expected));
    let request = Request::get("/").header("host", host).body(Body::empty()).unwrap();
    assert!(rejection(&AllowedHosts::loopback(15080), &request).is_some(), "not at the port of the settings");
}

/// Each sends the same headers for `GET` and for the `PUT` of a session token.
#[rstest]
#[case::node_fetch_18_to_26(
    "accept: */*\naccept-language: *\nsec-fetch-mode: cors\nuser-agent: node\naccept-encoding: gzip, deflate"
)]
#[case::undici_8(
    "accept: */*\naccept-language: *\nsec-fetch-mode: cors\nuser-agent: undici\naccept-encoding: gzip, deflate"
)]
#[case::deno_2_9("accept: */*\naccept-language: *\nuser-agent: Deno/2.9.6\naccept-encoding: gzip,br")]
#[case::bun_1_4("user-agent: Bun/1.4.5\naccept: */*\naccept-encoding: gzip, deflate, br, zstd")]
fn request_of_a_library_is_accepted(#[case] headers: &str) {
    for method in ["GET", "PUT"] {
        assert_eq!(reason(method, headers), None, "{method}");
    }
}

#[rstest]
#[case::chromium_156_fetch(
    "GET",
    "Origin: http://localhost:7002
     Sec-Fetch-Site: cross-site
     Sec-Fetch-Mode: cors
     Sec-Fetch-Dest: empty
     Referer: http://localhost:7002/"
)]
#[case::chromium_156_fetch_without_referrer(
    "GET",
    "Origin: http://localhost:7002
     Sec-Fetch-Site: cross-site
     Sec-Fetch-Mode: cors
     Sec-Fetch-Dest: empty"
)]
#[case::chromium_156_same_origin_fetch_without_referrer(
    "GET",
    "Sec-Fetch-Site: same-origin\nSec-Fetch-Mode: cors\nSec-Fetch-Dest: empty"
)]
#[case::chromium_156_no_cors(
    "GET",
    "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: no-cors\nSec-Fetch-Dest: empty"
)]
#[case::chromium_156_preflight(
    "OPTIONS",
    "Access-Control-Request-Method: PUT
     Access-Control-Request-Headers: x-aws-ec2-metadata-token-ttl-seconds
     Origin: http://localhost:7002
     Sec-Fetch-Mode: cors
     Sec-Fetch-Site: cross-site
     Sec-Fetch-Dest: empty"
)]
#[case::chromium_156_put_after_preflight(
    "PUT",
    "Origin: http://localhost:7002
     Sec-Fetch-Site: cross-site
     Sec-Fetch-Mode: cors
     Sec-Fetch-Dest: empty
     Referer: http://localhost:7002/"
)]
#[case::chromium_156_image(
    "GET",
    "Sec-Fetch-Site: cross-site
     Sec-Fetch-Mode: no-cors
     Sec-Fetch-Dest: image
     Sec-Fetch-Storage-Access: none
     Referer: http://localhost:7002/"
)]
#[case::chromium_156_websocket(
    "GET",
    "Origin: http://localhost:7002\nSec-WebSocket-Version: 13\nUpgrade: websocket"
)]
#[case::chromium_156_address_bar(
    "GET",
    "Sec-Fetch-Site: none\nSec-Fetch-Mode: navigate\nSec-Fetch-User: ?1\nSec-Fetch-Dest: document"
)]
#[case::firefox_153_fetch_without_referrer(
    "GET",
    "Origin: http://localhost:7002
     Sec-Fetch-Dest: empty
     Sec-Fetch-Mode: cors
     Sec-Fetch-Site: cross-site"
)]
#[case::firefox_153_same_origin(
    "GET",
    "Referer: http://localhost:7002/page
     Cookie: a=b
     Sec-Fetch-Dest: empty
     Sec-Fetch-Mode: cors
     Sec-Fetch-Site: same-origin"
)]
#[case::firefox_153_websocket(
    "GET",
    "Origin: http://localhost:7002
     Sec-Fetch-Storage-Access: none
     Sec-Fetch-Dest: empty
     Sec-Fetch-Mode: websocket
     Sec-Fetch-Site: cross-site"
)]
// Browsers before `Sec-Fetch-…`, such as Safari 16.3, send this much:
#[case::old_browser_fetch("PUT", "Origin: http://localhost:7002\nReferer: http://localhost:7002/")]
#[case::old_browser_image("GET", "Referer: http://localhost:7002/")]
#[case::old_browser_same_origin("GET", "Cookie: a=b")]
// jsdom without Node's fetch: its XMLHttpRequest behaves as a browser's.
#[case::jsdom_29_xml_http_request("PUT", "Referer: http://localhost/\nOrigin: http://localhost")]
fn request_of_a_browser_is_rejected(#[case] method: &str, #[case] headers: &str) {
    assert_eq!(reason(method, headers), Some("rejected: the request comes from a browser"));
}

/// Each header suffices, also one that no browser sends today.
#[rstest]
#[case("origin", "null")]
#[case("referer", "")]
#[case("cookie", "a=b")]
#[case("sec-fetch-mode", "no-cors")]
#[case("sec-fetch-mode", "navigate")]
#[case("sec-fetch-mode", "CORS")]
#[case("sec-fetch-mode", "")]
#[case("sec-fetch-site", "none")]
#[case("sec-fetch-dest", "empty")]
#[case("sec-fetch-user", "?1")]
#[case("sec-ch-ua", "\"Chromium\";v=\"156\"")]
#[case("sec-future", "1")]
#[case("access-control-request-private-network", "true")]
fn one_header_of_a_browser_suffices(#[case] name: &str, #[case] value: &str) {
    let node = "accept-language: *\nsec-fetch-mode: cors\nuser-agent: node";
    let expected = Some("rejected: the request comes from a browser");
    assert_eq!(reason("GET", &format!("{node}\n{name}: {value}")), expected);
    assert_eq!(reason("GET", &format!("{name}: {value}")), expected);
}
