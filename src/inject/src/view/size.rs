//! The memory of a view, so that pods that wait for something can be bounded together.

use super::annotations::Annotations;
use super::borrowed_str::BorrowedStr;
use super::bounded::MAX_FILES;
use super::container::{Container, Env, Mount, Port};
use super::volume::{self, Volume};
use super::{Labels, Named, Pod};

/// Number of places of a list of one item.
const MIN_CAPACITY: usize = 4;

/// Number of lists with items of a container.
const LISTS: usize = 6;

/// Size of the largest item of a container.
const ITEM_BYTES: usize = max(&[size_of::<Env<'_>>(), size_of::<Mount<'_>>(), size_of::<Port<'_>>()]);

/// Size of a volume with the most sources or files that are kept.
const VOLUME_BYTES: usize =
    size_of::<Volume<'_>>() + (MAX_FILES + 1).next_power_of_two() * volume::MAX_FILE_BYTES;

impl Pod<'_> {
    /// Returns the most memory that the view takes in addition to itself. `json_bytes` is the length of its JSON, from
    /// which it may have copied strings with escapes.
    #[must_use]
    pub fn max_bytes(&self, json_bytes: usize) -> usize {
        let metadata = self.metadata.as_ref();
        let annotations =
            metadata.and_then(|metadata| metadata.annotations.as_ref()).map_or(0, Annotations::len);
        let labels = metadata.and_then(|metadata| metadata.labels.as_ref()).map_or(0, Labels::len);
        let containers = self.init_containers().len() + self.app_containers().len();
        let volumes = self.spec.volumes.as_ref().map_or(0, Vec::len);
        let items = self.count_items() + containers * LISTS * MIN_CAPACITY;
        let secrets = self.spec.image_pull_secrets.as_ref().map_or(0, Vec::len);
        json_bytes
            + list(annotations, size_of::<(BorrowedStr<'_>, BorrowedStr<'_>)>())
            + list(labels, size_of::<(BorrowedStr<'_>, BorrowedStr<'_>)>())
            + list(containers, size_of::<Container<'_>>())
            + list(items, ITEM_BYTES)
            + list(volumes, VOLUME_BYTES)
            + list(secrets, size_of::<Named<'_>>())
    }
}

/// Returns the most memory of a list that has grown to this length.
const fn list(len: usize, item_bytes: usize) -> usize {
    if len == 0 { 0 } else { (2 * len + MIN_CAPACITY) * item_bytes }
}

const fn max(sizes: &[usize]) -> usize {
    let (mut largest, mut index) = (0, 0);
    while index < sizes.len() {
        if sizes[index] > largest {
            largest = sizes[index];
        }
        index += 1;
    }
    largest
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::env(r#"{"spec":{"containers":[{"env":[ITEMS]}]}}"#, "{}", size_of::<Env<'_>>())]
    #[case::mounts(r#"{"spec":{"initContainers":[{"volumeMounts":[ITEMS]}]}}"#, "{}", size_of::<Mount<'_>>())]
    #[case::ports(r#"{"spec":{"containers":[{"ports":[ITEMS]}]}}"#, "{}", size_of::<Port<'_>>())]
    #[case::args(r#"{"spec":{"containers":[{"args":[ITEMS]}]}}"#, r#""""#, size_of::<BorrowedStr<'_>>())]
    #[case::copied(r#"{"spec":{"containers":[{"args":[ITEMS]}]}}"#, r#""\n123456789""#, size_of::<BorrowedStr<'_>>() + 10)]
    #[case::volumes(r#"{"spec":{"volumes":[ITEMS]}}"#, "{}", size_of::<Volume<'_>>())]
    #[case::files(
        r#"{"spec":{"volumes":[ITEMS]}}"#,
        r#"{"projected":{"sources":[{},{},{},{},{}]}}"#,
        size_of::<Volume<'_>>() + 5 * volume::MAX_FILE_BYTES
    )]
    #[case::secrets(r#"{"spec":{"imagePullSecrets":[ITEMS]}}"#, "{}", size_of::<Named<'_>>())]
    #[case::containers(r#"{"spec":{"containers":[ITEMS]}}"#, "{}", size_of::<Container<'_>>() / 10)]
    fn max_bytes_covers_every_list(#[case] json: &str, #[case] item: &str, #[case] item_bytes: usize) {
        const COUNT: usize = 5000;
        let json = json.replace("ITEMS", &vec![item; COUNT].join(","));
        let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
        assert!(pod.max_bytes(json.len()) >= COUNT * item_bytes, "{}", pod.max_bytes(json.len()));
    }

    #[test]
    fn max_bytes_of_an_ordinary_pod_is_small() {
        let json = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true"}},
            "spec":{"containers":[{"name":"app","env":[{"name":"A","value":"b"}],"volumeMounts":[{"name":"v"}]}]}}"#;
        let pod: Pod<'_> = serde_json::from_str(json).unwrap();
        assert!(pod.max_bytes(json.len()) < 16 << 10, "{}", pod.max_bytes(json.len()));
    }
}
