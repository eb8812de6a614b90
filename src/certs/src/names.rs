//! Host names: the subject alternative names of a certificate, and the name constraints of its CAs.

use x509_parser::extensions::GeneralName;

use crate::certificate::{Certificate, Constraints};

/// Returns true if the certificate is valid for a DNS name. Like Go, ignores the common name.
pub(crate) fn matches_host(certificate: &Certificate<'_>, host: &str) -> bool {
    certificate.alternative_names().any(|name| match name {
        GeneralName::DNSName(pattern) => matches_pattern(pattern, host),
        _ => false,
    })
}

/// Compares label by label. Only a whole first label can be a wildcard.
fn matches_pattern(pattern: &str, host: &str) -> bool {
    if let Some(suffix) = pattern.strip_prefix("*.") {
        return host
            .split_once('.')
            .is_some_and(|(first, rest)| !first.is_empty() && rest.eq_ignore_ascii_case(suffix));
    }
    pattern.eq_ignore_ascii_case(host)
}

/// Returns true if a CA with these constraints may certify all names of the certificate.
pub(crate) fn are_permitted(certificate: &Certificate<'_>, constraints: &Constraints<'_>) -> bool {
    certificate.alternative_names().all(|name| {
        let mut relevant = constraints.permitted.iter().filter(|base| is_same_kind(name, base)).peekable();
        let is_permitted = relevant.peek().is_none() || relevant.any(|base| is_within(name, base));
        is_permitted && !constraints.excluded.iter().any(|base| is_within(name, base))
    })
}

fn is_same_kind(name: &GeneralName<'_>, base: &GeneralName<'_>) -> bool {
    std::mem::discriminant(name) == std::mem::discriminant(base)
}

/// Supports the kinds of names that server certificates have.
fn is_within(name: &GeneralName<'_>, base: &GeneralName<'_>) -> bool {
    match (name, base) {
        (GeneralName::DNSName(name), GeneralName::DNSName(base)) => is_subdomain(name, base),
        (GeneralName::IPAddress(address), GeneralName::IPAddress(network)) => is_in_network(address, network),
        _ => false,
    }
}

/// Returns true for the domain itself and its subdomains. A leading period excludes the domain itself.
fn is_subdomain(name: &str, base: &str) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    let suffix = if base.starts_with('.') { base.clone() } else { format!(".{base}") };
    base.is_empty() || name == base || name.ends_with(&suffix)
}

/// A network is an address followed by a mask of the same length.
fn is_in_network(address: &[u8], network: &[u8]) -> bool {
    let (base, mask) = network.split_at(network.len() / 2);
    let masked = |bytes: &[u8]| bytes.iter().zip(mask).map(|(byte, mask)| byte & mask).collect::<Vec<_>>();
    address.len() == base.len() && base.len() == mask.len() && masked(address) == masked(base)
}
