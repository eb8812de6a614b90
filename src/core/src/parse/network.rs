//! Endpoints, ports and proxies.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use super::number::digits;
use crate::invalid_value::InvalidValue;

/// Parses a port that an unprivileged container may listen on.
///
/// # Errors
/// Returns an error if the text is not such a port.
pub fn port(text: &str) -> Result<u16, InvalidValue> {
    digits(text)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port >= 1024)
        .ok_or_else(|| InvalidValue::expected("a port from 1024 to 65535"))
}

/// Parses an endpoint: a scheme, a host, an optional port, no path. Drops a slash at the end. `http:` is for loopback only,
/// because it would expose tokens to the network.
///
/// # Errors
/// Returns an error if the text is not such an endpoint.
pub fn endpoint(text: &str) -> Result<&str, InvalidValue> {
    const EXPECTED: &str = "an endpoint: https://HOST or https://HOST:PORT, without a path";
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    if let Some(authority) = trimmed.strip_prefix("https://")
        && host_of(authority).is_some()
    {
        return Ok(trimmed);
    }
    let http_host = trimmed.strip_prefix("http://").and_then(host_of);
    match http_host {
        Some("127.0.0.1" | "localhost" | "[::1]") => Ok(trimmed),
        Some(_) => Err(InvalidValue::with_hint(EXPECTED, "use https, because http sends tokens unencrypted")),
        None => Err(InvalidValue::expected(EXPECTED)),
    }
}

/// The maximum number of endpoints in a list. Each has a quota of its own: eight suffice for 800 new pods per second.
pub const MAX_ENDPOINTS: usize = 8;

/// Parses a list of endpoints, separated by commas, each once.
///
/// # Errors
/// Returns an error if one of them is not an [`endpoint`], if one is there twice, or if there are more than
/// [`MAX_ENDPOINTS`].
pub fn endpoints(text: &str) -> Result<Vec<&str>, InvalidValue> {
    let mut endpoints = Vec::new();
    for entry in text.split(',') {
        let endpoint = endpoint(entry.trim())?;
        if endpoints.contains(&endpoint) {
            return Err(InvalidValue::with_hint("each endpoint once", format!("remove one {endpoint}")));
        }
        if endpoints.len() == MAX_ENDPOINTS {
            return Err(InvalidValue::expected(format!("at most {MAX_ENDPOINTS} endpoints")));
        }
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

/// Parses a proxy, `http://HOST:PORT`, with an optional user and password.
///
/// # Errors
/// Returns an error if the text is not such a URL. The error does not contain the text.
pub fn proxy(text: &str) -> Result<&str, InvalidValue> {
    let rest = text.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let (user, host) = rest.map_or(("", ""), |rest| rest.rsplit_once('@').unwrap_or(("", rest)));
    if host_of(host).is_none() {
        return Err(InvalidValue::expected("a proxy: http://HOST:PORT"));
    }
    if user.bytes().all(is_userinfo_byte) {
        return Ok(text);
    }
    Err(InvalidValue::with_hint(
        "a proxy: http://USER:PASSWORD@HOST:PORT",
        "escape # as %23, ? as %3F, / as %2F and @ as %40 in the user and the password",
    ))
}

/// Returns true for a byte that needs no escape in a URL's userinfo. Any other byte would end the URL's host early, and
/// the rest of the password would be resolved as a host. Source: RFC 3986, section 3.2.1.
fn is_userinfo_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte)
}

/// Parses a proxy from an environment variable. Like curl, adds `http://` if there is no scheme.
///
/// # Errors
/// Returns an error in the same cases as [`proxy`].
pub fn proxy_variable(text: &str) -> Result<Cow<'_, str>, InvalidValue> {
    if text.contains("://") {
        return proxy(text).map(Cow::Borrowed);
    }
    let url = format!("http://{text}");
    proxy(&url).map(drop)?;
    Ok(Cow::Owned(url))
}

/// Parses the issuer of a cluster's tokens: `https://HOST`, an optional port and an optional path. The characters of the
/// path need no escape in a shell, in JSON or in an ARN.
///
/// # Errors
/// Returns an error if the text is not such a URL.
pub fn issuer(text: &str) -> Result<&str, InvalidValue> {
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let rest = text.strip_prefix("https://").unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if host_of(authority).is_some() && path.bytes().all(is_path_byte) {
        return Ok(text);
    }
    Err(InvalidValue::expected("an issuer: https://HOST/PATH"))
}

/// Returns the host of `HOST` or `HOST:PORT`.
pub(super) fn host_of(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    let is_valid_port =
        rest.is_empty() || digits(rest.strip_prefix(':')?).is_some_and(|port| (1..=65535).contains(&port));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_valid_host = address.map_or_else(|| is_host(host), |address| address.parse::<Ipv6Addr>().is_ok());
    (is_valid_port && is_valid_host).then_some(host)
}

/// Returns true for a domain name or an IPv4 address.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_accepts_unprivileged_ports_only() {
        assert_eq!((port("1024"), port("65535")), (Ok(1024), Ok(65535)));
        for text in ["", "0", "1023", "65536", "+8080", "http"] {
            assert!(port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn issuer_has_a_host_and_a_plain_path() {
        for text in [
            "https://oidc.eks.eu-west-1.amazonaws.com/id/5F2A",
            "https://kubernetes.default.svc.cluster.local:6443",
        ] {
            assert_eq!(issuer(text), Ok(text));
        }
        for text in [
            "",
            "https://",
            "http://a",
            "https://a/$(id)",
            "https://a b",
            "https://a/\"",
            "https://a?b",
            "https://a\u{202e}",
        ] {
            assert!(issuer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn endpoints_are_a_short_list_without_repetition() {
        assert_eq!(endpoints("https://a"), Ok(vec!["https://a"]));
        assert_eq!(endpoints("https://a/, https://b:8443"), Ok(vec!["https://a", "https://b:8443"]));
        let list =
            |length| (0..length).map(|number| format!("https://sts-{number}")).collect::<Vec<_>>().join(",");
        assert_eq!(endpoints(&list(MAX_ENDPOINTS)).unwrap().len(), MAX_ENDPOINTS);
        for (text, expected) in [
            ("https://a,", "an endpoint: https://HOST or https://HOST:PORT, without a path"),
            ("https://a,http://b", "an endpoint: https://HOST or https://HOST:PORT, without a path"),
            ("https://a,https://b,https://a/", "each endpoint once"),
            (&list(MAX_ENDPOINTS + 1), "at most 8 endpoints"),
        ] {
            assert_eq!(endpoints(text).unwrap_err().expectation(), expected, "{text}");
        }
    }

    #[test]
    fn endpoint_requires_https_unless_on_loopback() {
        for (text, expected) in [
            ("https://sts.example.internal", "https://sts.example.internal"),
            ("https://sts.example.internal/", "https://sts.example.internal"),
            ("https://sts.example.internal:8443", "https://sts.example.internal:8443"),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            assert_eq!(endpoint(text), Ok(expected));
        }
        for text in [
            "",
            "sts.example.internal",
            "https://",
            "https://sts.example.internal/v1",
            "https://sts.example.internal?x",
            "https://user@sts.example.internal",
            "https://sts.example.internal:0",
            "https://sts.example.internal:+1",
            "ftp://sts.example.internal",
            "http://sts.example.internal",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1:80@evil.example",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn proxy_requires_http_and_an_escaped_password() {
        for text in [
            "http://proxy:3128",
            "http://u:p@proxy.example:3128/",
            "http://10.0.0.1:80",
            "http://[fd00::1]:3128",
            "http://team%2Fbatch:p%23w;(100%)@proxy:3128",
        ] {
            assert_eq!(proxy(text), Ok(text));
        }
        for text in [
            "",
            "proxy:3128",
            "https://proxy:3128",
            "socks5://proxy:1080",
            "http://",
            "http://user@",
            "http://proxy:x",
            "http://proxy/path",
        ] {
            assert_eq!(proxy(text).unwrap_err().to_string(), "expected a proxy: http://HOST:PORT", "{text}");
        }
        for password in ["p#w", "p?w", "p/w", "p@w", "p|w", "p\\w", "p[w", "p w", "pü"] {
            let error = proxy(&format!("http://user:{password}@proxy:3128")).unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains("# as %23")), "{password}: {error}");
        }
    }

    #[test]
    fn proxy_variable_without_a_scheme_is_http() {
        assert_eq!(proxy_variable("proxy:3128").as_deref(), Ok("http://proxy:3128"));
        assert_eq!(proxy_variable("u:p@proxy").as_deref(), Ok("http://u:p@proxy"));
        assert_eq!(proxy_variable("http://proxy:3128/").as_deref(), Ok("http://proxy:3128/"));
        for text in ["https://proxy", "socks5://proxy", "proxy/path", ""] {
            assert!(proxy_variable(text).is_err(), "{text}");
        }
    }
}
