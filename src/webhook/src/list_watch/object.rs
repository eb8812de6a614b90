//! The metadata of a listed or watched object, without managed fields, which are most of its bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A listed or watched object, reduced to its metadata.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WatchedObject {
    /// Metadata.
    pub metadata: WatchedMetadata,
}

/// Metadata of a [`WatchedObject`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WatchedMetadata {
    /// Namespace; `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Version that a watch can be resumed from.
    pub resource_version: String,
    /// Annotations.
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) metadata: PageMetadata,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) items: Vec<WatchedObject>,
}

/// Accepts `null`, which API servers write for an empty list of metadata.
fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<WatchedObject>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Metadata of a [`Page`].
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    pub(super) resource_version: Option<String>,
    pub(super) r#continue: Option<String>,
}
