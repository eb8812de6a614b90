//! Endpoints, ports and proxies.

use std::net::Ipv6Addr;

use crate::settings::places::Fault;

/// A port that a container without privileges may listen on.
pub(crate) fn port(text: &str) -> Result<u16, Fault> {
    super::digits(text)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port >= 1024)
        .ok_or_else(|| Fault::bad("is not a port from 1024 to 65535"))
}

/// An endpoint: a scheme and a host, perhaps a port, no path. `http:` would show the token to the network.
pub(crate) fn endpoint(text: &str) -> Result<&str, Fault> {
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    if let Some(authority) = trimmed.strip_prefix("https://")
        && host_of(authority).is_some()
    {
        return Ok(trimmed);
    }
    let plain = trimmed.strip_prefix("http://").and_then(host_of);
    match plain {
        Some("127.0.0.1" | "localhost" | "[::1]") => Ok(trimmed),
        Some(_) => Err(Fault::bad("would send tokens unencrypted; an endpoint is https://HOST")),
        None => Err(Fault::bad("is not an endpoint: https://HOST or https://HOST:PORT, without a path")),
    }
}

/// A proxy, `http://HOST:PORT`, perhaps with a user and a password.
pub(crate) fn proxy(text: &str) -> Result<&str, Fault> {
    let rest = text.strip_prefix("http://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    let authority = rest.map(|rest| rest.rsplit_once('@').unwrap_or(("", rest)));
    let well_formed = authority.is_some_and(|(user, host)| {
        host_of(host).is_some() && user.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    });
    if well_formed { Ok(text) } else { Err(Fault::bad("is not a proxy: http://HOST:PORT")) }
}

/// What is reached without a proxy. Every reader of such a list passes over an entry that is empty.
pub(crate) fn no_proxy(text: &str) -> Result<&str, Fault> {
    let is_entry =
        |entry: &str| entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".*:/[]_-".contains(&byte));
    let mut entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).peekable();
    if entries.peek().is_some() && entries.all(is_entry) {
        return Ok(text);
    }
    Err(Fault::bad("is not a list of hosts, domains and networks with commas between them"))
}

/// The host of `HOST` or `HOST:PORT`.
fn host_of(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(end);
    let port_is_good = rest.is_empty()
        || super::digits(rest.strip_prefix(':')?).is_some_and(|port| (1..=65535).contains(&port));
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_good = address.map_or_else(|| is_host(host), |address| address.parse::<Ipv6Addr>().is_ok());
    (port_is_good && host_is_good).then_some(host)
}

/// A domain name, or an IPv4 address, which looks like one.
pub(crate) fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, read) in [
            ("https://sts.example.internal", "https://sts.example.internal"),
            ("https://sts.example.internal/", "https://sts.example.internal"),
            ("https://sts.example.internal:8443", "https://sts.example.internal:8443"),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("http://localhost", "http://localhost"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            assert_eq!(endpoint(text), Ok(read));
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
    fn exceptions() {
        for text in ["localhost", ".svc,10.0.0.0/8", ".svc, [::1] ,", ",.svc,,*.internal:8443"] {
            assert_eq!(no_proxy(text), Ok(text));
        }
        for text in ["", " , ", ".svc 10.0.0.0/8", ".svc;.internal", "$(HOSTS)"] {
            assert!(no_proxy(text).is_err(), "{text}");
        }
    }

    #[test]
    fn proxies() {
        for text in ["http://proxy:3128", "http://u:p@proxy.example:3128/", "http://10.0.0.1:80"] {
            assert!(proxy(text).is_ok(), "{text}");
        }
        for text in
            ["", "proxy:3128", "socks5://proxy:1080", "http://", "http://proxy:x", "http://proxy/path"]
        {
            assert!(proxy(text).is_err(), "{text}");
        }
    }
}
