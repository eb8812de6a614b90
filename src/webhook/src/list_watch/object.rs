//! The metadata of a listed, watched or read object, reduced while it is parsed.
//!
//! Most of its bytes are managed fields and annotations of other programs. A hostile object has tens of thousands of small
//! annotations, and a map of them would take many times their size.

use std::fmt;

use rolebridge_inject::ObjectMetadata;
use serde::de::{MapAccess, Visitor};
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
    annotations: Option<Annotations>,
    labels: Option<Labels>,
}

impl WatchedMetadata {
    /// Takes the part of the metadata that affects a decision.
    #[must_use]
    pub fn take_relevant(&mut self) -> ObjectMetadata {
        let annotations = self.annotations.take().map(|annotations| annotations.0).unwrap_or_default();
        annotations.with_label_of(self.labels.take().map(|labels| labels.0).unwrap_or_default())
    }
}

/// The relevant annotations of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Annotations(ObjectMetadata);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(EntriesVisitor(|entries: Entries<'_>| ObjectMetadata::new(entries, [])))
            .map(Self)
    }
}

/// The relevant label of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Labels(ObjectMetadata);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(EntriesVisitor(|entries: Entries<'_>| ObjectMetadata::new([], entries)))
            .map(Self)
    }
}

/// Entries of a map, one after another.
type Entries<'e> = &'e mut dyn Iterator<Item = (String, String)>;

/// Passes the entries of a map to a function, and holds one of them at a time.
struct EntriesVisitor<F>(F);

impl<'de, F: FnOnce(Entries<'_>) -> ObjectMetadata> Visitor<'de> for EntriesVisitor<F> {
    type Value = ObjectMetadata;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ObjectMetadata, A::Error> {
        let mut error = None;
        let mut entries = std::iter::from_fn(|| {
            let entry = map.next_entry().transpose()?;
            entry.map_err(|invalid| error = Some(invalid)).ok()
        })
        .fuse();
        let metadata = (self.0)(&mut entries);
        // The function may have stopped early, but the parser must reach the end of the map.
        entries.for_each(drop);
        error.map_or(Ok(metadata), Err)
    }
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn parse(annotations: &Value, labels: &Value) -> Result<ObjectMetadata, String> {
        let metadata =
            json!({"name": "batch", "resourceVersion": "1", "annotations": annotations, "labels": labels});
        let text = json!({"metadata": metadata}).to_string();
        let object = serde_json::from_str::<WatchedObject>(&text);
        object.map(|mut object| object.metadata.take_relevant()).map_err(|error| error.to_string())
    }

    #[rstest]
    #[case::both(
        json!({"rolebridge.io/project": "shop", "team": "<"}),
        json!({"rolebridge.io/inject": "enabled", "zone": "a"}),
        &[("rolebridge.io/project", "shop")],
        &[("rolebridge.io/inject", "enabled")]
    )]
    #[case::null(Value::Null, Value::Null, &[], &[])]
    #[case::none(json!({}), json!({"team": "shop"}), &[], &[])]
    fn object_is_reduced_to_its_relevant_metadata(
        #[case] annotations: Value,
        #[case] labels: Value,
        #[case] relevant: &[(&str, &str)],
        #[case] relevant_labels: &[(&str, &str)],
    ) {
        let expected = ObjectMetadata::new(relevant.iter().copied(), relevant_labels.iter().copied());
        assert_eq!(parse(&annotations, &labels), Ok(expected));
    }

    #[rstest]
    #[case::annotations(json!({"a": "b", "team": 1, "c": "d"}), Value::Null)]
    #[case::labels(Value::Null, json!({"rolebridge.io/inject": "enabled", "team": 1, "c": "d"}))]
    fn entry_that_is_not_a_string_is_invalid(#[case] annotations: Value, #[case] labels: Value) {
        let error = parse(&annotations, &labels).unwrap_err();
        assert!(error.starts_with("invalid type: integer `1`, expected a string"), "{error}");
    }
}
