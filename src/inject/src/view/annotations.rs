//! The pod's annotations, of which only ours, the kubelet's mirror mark and what lets traffic out of a mesh are kept; and
//! its labels, of which only ours are.

use std::fmt;

use rolebridge_core::annotations::PREFIX;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::BorrowedStr;
use crate::mesh;

/// The kubelet's mark on a pod that mirrors a static pod of its node.
pub(crate) const MIRROR: &str = "kubernetes.io/config.mirror";

/// The annotations that decide something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Annotations<'a>(Vec<(BorrowedStr<'a>, BorrowedStr<'a>)>);

impl Annotations<'_> {
    pub(crate) fn find(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| **known == *key).map(|(_, value)| &**value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let decides = |key: &str| key.starts_with(PREFIX) || key == MIRROR || mesh::is_exclusion(key);
        deserializer.deserialize_map(PrefixedMapVisitor(decides)).map(Self)
    }
}

/// The labels of ours, none of which decides anything: an annotation was meant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels<'a>(Vec<(BorrowedStr<'a>, BorrowedStr<'a>)>);

impl Labels<'_> {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Labels<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PrefixedMapVisitor(|key| key.starts_with(PREFIX))).map(Self)
    }
}

/// Keeps the entries whose key passes.
struct PrefixedMapVisitor(fn(&str) -> bool);

impl<'de> Visitor<'de> for PrefixedMapVisitor {
    type Value = Vec<(BorrowedStr<'de>, BorrowedStr<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(key) = map.next_key::<BorrowedStr<'de>>()? {
            if self.0(&key) {
                kept.push((key, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept)
    }
}
