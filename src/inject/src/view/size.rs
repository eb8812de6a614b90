//! The memory of a view, so that pods that are decoded, or wait for something, can be bounded together.

use super::annotations::Annotations;
use super::borrowed_str::BorrowedStr;
use super::bounded::{
    MAX_CONTAINERS, MAX_FILES, MAX_INJECTED_ITEMS, MAX_INJECTED_VOLUMES, MAX_KEYS, MAX_PULL_SECRETS,
};
use super::container::{Container, ENV_FROM_WEIGHT, Env, EnvFrom, Mount, Port};
use super::volume::{self, Volume};
use super::{Labels, Named, Pod};

/// Number of places of a list of one item.
const MIN_CAPACITY: usize = 4;

/// Number of lists with items of a container.
const LISTS: usize = 4;

/// Size of the largest item of a container.
const ITEM_BYTES: usize = max(&[size_of::<Env<'_>>(), size_of::<Mount<'_>>(), size_of::<Port<'_>>()]);

const _: () = assert!(size_of::<EnvFrom<'_>>() <= ENV_FROM_WEIGHT * ITEM_BYTES);

/// Memory of a container with one item in each list, in addition to its place in the list of containers.
const SHORT_LISTS_BYTES: usize = LISTS * MIN_CAPACITY * size_of::<EnvFrom<'_>>() + WORDS_BYTES;

/// Memory of the first words of the startup probe's command.
const WORDS_BYTES: usize = (MAX_FILES + 1).next_power_of_two() * size_of::<BorrowedStr<'_>>();

/// Size of an annotation or a label.
const KEY_BYTES: usize = size_of::<(BorrowedStr<'_>, BorrowedStr<'_>)>();

/// Memory of a list for each of its items: `Vec` doubles its places. While it moves the items, the second half of the new
/// places has not been written to.
const GROWTH: usize = 2;

/// Memory of the items of containers for each value of the JSON.
const VALUE_BYTES: usize = GROWTH * size_of::<EnvFrom<'_>>();

const _: () = assert!(size_of::<EnvFrom<'_>>() >= ITEM_BYTES);

/// The most memory of the items of the containers of a pod: 12 MiB. The init containers have a limit of their own.
const MAX_ITEMS_BYTES: usize = 2 * (MAX_INJECTED_ITEMS + ENV_FROM_WEIGHT) * GROWTH * ITEM_BYTES;

/// The most memory of a view that [`max_decoded_bytes`] does not contain, for each pod: its containers and volumes, and the
/// keys of its maps. It is the same for all pods, so that it is counted for each thread that decodes one.
pub const MAX_UNCHARGED_BYTES: usize = 2
    * (list(MAX_CONTAINERS + 1, size_of::<Container<'_>>()) + (MAX_CONTAINERS + 1) * SHORT_LISTS_BYTES)
    + list(MAX_INJECTED_VOLUMES + 1, size_of::<Volume<'_>>())
    + (MAX_INJECTED_VOLUMES + 1) * (VOLUME_BYTES - size_of::<Volume<'_>>())
    + 4 * list(MAX_KEYS, KEY_BYTES)
    + list(MAX_PULL_SECRETS + 1, size_of::<Named<'_>>());

/// Returns the most memory that the values of this JSON take while up to `pods` pods are decoded from it. A mount `{}` takes many
/// times its bytes of the JSON.
///
/// Commas are counted, because all values but the first follow one. Texts that are copied take the length of the JSON. If there
/// are escapes, the longest text may take as much again while they are replaced.
#[must_use]
pub fn max_decoded_bytes(json: &[u8], pods: usize) -> usize {
    let values = memchr::memchr_iter(b',', json).count() + 1;
    let escapes = memchr::memchr(b'\\', json).map_or(0, |_| json.len());
    json.len() + escapes + (values * VALUE_BYTES).min(pods.saturating_mul(MAX_ITEMS_BYTES))
}

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
            + list(annotations, KEY_BYTES)
            + list(labels, KEY_BYTES)
            + list(containers, size_of::<Container<'_>>() + WORDS_BYTES)
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
    #[case::env(r#"{"spec":{"containers":[{"env":[ITEMS]}]}}"#, r#"{"name":"AWS_"}"#, size_of::<Env<'_>>())]
    #[case::copied(r#"{"spec":{"containers":[{"env":[ITEMS]}]}}"#, r#"{"name":"AWS_","value":"\n123456789"}"#, size_of::<Env<'_>>() + 10)]
    #[case::mounts(r#"{"spec":{"initContainers":[{"volumeMounts":[ITEMS]}]}}"#, "{}", size_of::<Mount<'_>>())]
    #[case::ports(r#"{"spec":{"containers":[{"ports":[ITEMS]}]}}"#, "{}", size_of::<Port<'_>>())]
    #[case::volumes(r#"{"spec":{"volumes":[ITEMS]}}"#, "{}", size_of::<Volume<'_>>() / 5)]
    #[case::files(
        r#"{"spec":{"volumes":[ITEMS]}}"#,
        r#"{"projected":{"sources":[{},{},{},{},{}]}}"#,
        size_of::<Volume<'_>>() / 5 + volume::MAX_FILE_BYTES
    )]
    #[case::secrets(r#"{"spec":{"imagePullSecrets":[ITEMS]}}"#, "{}", size_of::<Named<'_>>() / 5)]
    #[case::containers(r#"{"spec":{"containers":[ITEMS]}}"#, "{}", size_of::<Container<'_>>() / 10)]
    fn max_bytes_covers_every_list(#[case] json: &str, #[case] item: &str, #[case] item_bytes: usize) {
        const COUNT: usize = 5000;
        let json = json.replace("ITEMS", &vec![item; COUNT].join(","));
        let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
        assert!(pod.max_bytes(json.len()) >= COUNT * item_bytes, "{}", pod.max_bytes(json.len()));
    }

    /// Returns the places of the lists of all containers, in bytes.
    fn items_bytes(pod: &Pod<'_>) -> usize {
        fn bytes<T>(list: Option<&Vec<T>>) -> usize {
            list.map_or(0, |list| list.capacity() * size_of::<T>())
        }
        let containers = pod.init_containers().iter().chain(pod.app_containers());
        let lists = containers.map(|container| {
            bytes(container.env.as_ref())
                + bytes(container.ports.as_ref())
                + bytes(container.volume_mounts.as_ref())
                + size_of_val(container.env_from())
        });
        lists.sum()
    }

    #[rstest]
    #[case::env("env", r#"{"name":"AWS_"}"#)]
    #[case::mounts("volumeMounts", "{}")]
    #[case::ports("ports", "{}")]
    #[case::env_from("envFrom", "{}")]
    fn max_decoded_bytes_covers_the_items_of_any_pod(#[case] field: &str, #[case] item: &str) {
        for (count, containers) in [(10, 1), (10, 400), (5000, 10), (40_000, 1), (56_000, 27)] {
            let list = vec![item; count].join(",");
            let container = format!(r#"{{"{field}":[{list}]}}"#);
            let list = vec![container; containers].join(",");
            let json = format!(r#"{{"spec":{{"initContainers":[{list}],"containers":[{list}]}}}}"#);
            let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
            let (max, found) = (max_decoded_bytes(json.as_bytes(), 1), items_bytes(&pod));
            assert!(found > 0, "the items are kept");
            assert!(max >= found, "{count} in {containers}: {found} of {max} bytes");
            assert!(max <= 2 * json.len() + MAX_ITEMS_BYTES);
        }
    }

    #[test]
    fn memory_besides_the_items_is_bounded() {
        let many = |item: &str, count: usize| vec![item; count].join(",");
        let keys: Vec<_> = (0..5000).map(|n| format!(r#""rolebridge.io/{n}":"""#)).collect();
        let keys = keys.join(",");
        let json = format!(
            r#"{{"metadata":{{"annotations":{{{keys}}},"labels":{{{keys}}}}},
            "spec":{{"volumes":[{}],"imagePullSecrets":[{}],"containers":[{}]}}}}"#,
            many("{}", 20_000),
            many("{}", 20_000),
            many(r#"{"startupProbe":{"exec":{"command":["","","","","","","",""]}}}"#, 600),
        );
        let pod: Pod<'_> = serde_json::from_str(&json).unwrap();
        let max = pod.max_bytes(0);
        assert!(max <= MAX_UNCHARGED_BYTES, "{max} of {MAX_UNCHARGED_BYTES} bytes");
        let metadata = pod.metadata.as_ref().unwrap();
        assert_eq!(metadata.annotations.as_ref().map(Annotations::len), Some(MAX_KEYS));
        assert_eq!(metadata.labels.as_ref().map(Labels::len), Some(MAX_KEYS));
        assert_eq!(pod.count_volumes(), MAX_INJECTED_VOLUMES + 1);
        assert_eq!(pod.app_containers()[0].startup_probe.as_ref().unwrap().command().len(), MAX_FILES + 1);
    }

    #[test]
    fn max_bytes_of_an_ordinary_pod_is_small() {
        let json = r#"{"metadata":{"annotations":{"rolebridge.io/inject":"true"}},
            "spec":{"containers":[{"name":"app","env":[{"name":"A","value":"b"}],"volumeMounts":[{"name":"v"}]}]}}"#;
        let pod: Pod<'_> = serde_json::from_str(json).unwrap();
        assert!(pod.max_bytes(json.len()) < 16 << 10, "{}", pod.max_bytes(json.len()));
    }
}
