//! The pod's annotations and labels that affect injection. Annotations: Rolebridge's, the kubelet's mirror mark and the
//! meshes' excluded ports. Labels: Rolebridge's.

use std::fmt;

use rolebridge_core::annotations::PREFIX;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::borrowed_str::BorrowedStr;
use super::bounded::MAX_KEYS;

/// The kubelet's mark on a pod that mirrors a static pod of its node.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// Annotation of Istio with the outbound ports that are not redirected to the proxy.
pub(crate) const ISTIO_EXCLUDED_PORTS: &str = "traffic.sidecar.istio.io/excludeOutboundPorts";

/// Annotation of Linkerd with the outbound ports that are not redirected to the proxy.
pub(crate) const LINKERD_SKIPPED_PORTS: &str = "config.linkerd.io/skip-outbound-ports";

/// Annotation of Kuma with the outbound ports that are not redirected to the proxy.
pub(crate) const KUMA_EXCLUDED_PORTS: &str = "traffic.kuma.io/exclude-outbound-ports";

/// Annotation of Consul with the outbound ports that are not redirected to the proxy.
pub(crate) const CONSUL_EXCLUDED_PORTS: &str =
    "consul.hashicorp.com/transparent-proxy-exclude-outbound-ports";

/// The annotations of other programs that affect injection.
const OF_OTHERS: [&str; 5] =
    [MIRROR, ISTIO_EXCLUDED_PORTS, LINKERD_SKIPPED_PORTS, KUMA_EXCLUDED_PORTS, CONSUL_EXCLUDED_PORTS];

/// The annotations that affect injection, in ascending order of their keys. A pod may have very many.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Annotations<'a>(Vec<(BorrowedStr<'a>, BorrowedStr<'a>)>);

impl Annotations<'_> {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        let index = self.0.partition_point(|(known, _)| **known < *key);
        let (known, value) = self.0.get(index)?;
        (**known == *key).then_some(value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_relevant = |key: &str| key.starts_with(PREFIX) || OF_OTHERS.contains(&key);
        let mut annotations = deserializer.deserialize_map(PrefixedMapVisitor(is_relevant))?;
        // The API server sends them in this order already.
        annotations.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self(annotations))
    }
}

/// Rolebridge's keys among the labels. None has an effect: their author meant annotations.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Labels<'a>(Vec<(BorrowedStr<'a>, BorrowedStr<'a>)>);

impl Labels<'_> {
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PrefixedMapVisitor(|key| key.starts_with(PREFIX))).map(Self)
    }
}

/// A visitor that keeps the first entries with a key that satisfies the predicate.
struct PrefixedMapVisitor(fn(&str) -> bool);

impl<'de> Visitor<'de> for PrefixedMapVisitor {
    type Value = Vec<(BorrowedStr<'de>, BorrowedStr<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(key) = map.next_key::<BorrowedStr<'de>>()? {
            if kept.len() < MAX_KEYS && self.0(&key) {
                kept.push((key, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept)
    }
}
