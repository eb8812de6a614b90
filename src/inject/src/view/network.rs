//! The pod's `hostAliases` and `sysctls`, of which only the facts about Google's metadata server are kept: the lists are not
//! bounded.

use std::fmt;

use rolebridge_core::metadata_host::{ADDRESS, NAMES, PORT_SYSCTL};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::borrowed_str::BorrowedStr;

/// The aliases of the pod for the names of Google's metadata server.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct HostAliases<'a> {
    /// True if the alias that Rolebridge adds is there.
    pub(crate) has_added: bool,
    /// A name of the metadata server in any other alias, and its address.
    pub(crate) other: Option<(&'static str, BorrowedStr<'a>)>,
}

/// The sysctls of the pod.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Sysctls<'a> {
    /// The value of [`PORT_SYSCTL`].
    pub(crate) port: Option<BorrowedStr<'a>>,
}

#[derive(serde::Deserialize)]
struct HostAlias<'a> {
    #[serde(borrow, default)]
    ip: BorrowedStr<'a>,
    hostnames: Option<Hostnames>,
}

/// The names of an alias.
struct Hostnames {
    /// The first name of the metadata server.
    first: Option<&'static str>,
    /// True if the names are those of the metadata server, in their order, and no other.
    are_exact: bool,
}

#[derive(serde::Deserialize)]
struct Sysctl<'a> {
    #[serde(borrow, default)]
    name: BorrowedStr<'a>,
    #[serde(borrow, default)]
    value: BorrowedStr<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for HostAliases<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AliasesVisitor)
    }
}

struct AliasesVisitor;

impl<'de> Visitor<'de> for AliasesVisitor {
    type Value = HostAliases<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of host aliases")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut aliases = HostAliases::default();
        while let Some(HostAlias { ip, hostnames }) = list.next_element()? {
            let Some(Hostnames { first: Some(name), are_exact }) = hostnames else { continue };
            if *ip == *ADDRESS && are_exact {
                aliases.has_added = true;
            } else if aliases.other.is_none() {
                aliases.other = Some((name, ip));
            }
        }
        Ok(aliases)
    }
}

impl<'de> Deserialize<'de> for Hostnames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(HostnamesVisitor)
    }
}

struct HostnamesVisitor;

impl<'de> Visitor<'de> for HostnamesVisitor {
    type Value = Hostnames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of names")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut first, mut are_exact, mut count) = (None, true, 0);
        while let Some(name) = list.next_element::<BorrowedStr<'de>>()? {
            are_exact &= NAMES.get(count).is_some_and(|expected| **expected == *name);
            first = first.or_else(|| NAMES.into_iter().find(|known| name.eq_ignore_ascii_case(known)));
            count += 1;
        }
        Ok(Hostnames { first, are_exact: are_exact && count == NAMES.len() })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Sysctls<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SysctlsVisitor)
    }
}

struct SysctlsVisitor;

impl<'de> Visitor<'de> for SysctlsVisitor {
    type Value = Sysctls<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sysctls")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut sysctls = Sysctls::default();
        while let Some(Sysctl { name, value }) = list.next_element()? {
            if is_port_sysctl(&name) {
                sysctls.port = Some(value);
            }
        }
        Ok(sysctls)
    }
}

/// Returns true for the sysctl. Kubernetes also accepts slashes between its parts.
fn is_port_sysctl(name: &str) -> bool {
    name.len() == PORT_SYSCTL.len() && name.split(['.', '/']).eq(PORT_SYSCTL.split('.'))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("[]", false, None)]
    #[case(r#"[{"ip":"127.0.0.1","hostnames":["metadata.google.internal","metadata"]}]"#, true, None)]
    #[case(r#"[{"ip":"10.0.0.1","hostnames":["db"]},{"ip":"10.0.0.2"},{"hostnames":null},{}]"#, false, None)]
    #[case(
        r#"[{"ip":"10.0.0.1","hostnames":["metadata.google.internal","metadata"]}]"#,
        false,
        Some(("metadata.google.internal", "10.0.0.1"))
    )]
    #[case(r#"[{"ip":"127.0.0.1","hostnames":["db","metadata"]}]"#, false, Some(("metadata", "127.0.0.1")))]
    #[case(r#"[{"ip":"127.0.0.1","hostnames":["metadata"]}]"#, false, Some(("metadata", "127.0.0.1")))]
    fn host_aliases_keep_only_the_names_of_the_metadata_server(
        #[case] json: &str,
        #[case] has_added: bool,
        #[case] other: Option<(&'static str, &str)>,
    ) {
        let aliases: HostAliases<'_> = serde_json::from_str(json).unwrap();
        let found = aliases.other.as_ref().map(|(name, address)| (*name, &**address));
        assert_eq!((aliases.has_added, found), (has_added, other));
    }

    #[rstest]
    #[case("[]", None)]
    #[case(r#"[{"name":"net.core.somaxconn","value":"1024"}]"#, None)]
    #[case(r#"[{"name":"net.ipv4.ip_unprivileged_port_start","value":"0"}]"#, Some("0"))]
    #[case(r#"[{},{"name":"net/ipv4/ip_unprivileged_port_start","value":"1024"}]"#, Some("1024"))]
    fn sysctls_keep_only_the_first_unprivileged_port(#[case] json: &str, #[case] port: Option<&str>) {
        let sysctls: Sysctls<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(sysctls.port.as_deref(), port);
    }
}
