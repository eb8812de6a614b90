//! Lists of which only the first items are kept. An item takes many times its bytes of the request: a variable `{}` takes 20
//! times.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The maximum number of containers of a pod that is injected.
///
/// No kubelet runs so many: Kubernetes is tested with 110 pods on a node, and most have a few containers. The patch adds up to
/// 12 values to each container, so this bounds it: 2 MiB, and the pod's own values of `NO_PROXY`.
pub(crate) const MAX_CONTAINERS: usize = 500;

/// The maximum number of variables, mounts, ports and arguments of the containers, and of volumes of the pod, in all.
///
/// The API server stores at most 1.5 MiB of a pod, in which so many have no room for names and values. The limit bounds the
/// memory of a decision.
pub(crate) const MAX_ITEMS: usize = 50_000;

/// The maximum number of items that Rolebridge adds to a pod: 12 for each container, and those of its own container and volumes.
const MAX_ADDED_ITEMS: usize = 12 * MAX_CONTAINERS + 100;

/// The maximum number of items of a pod that is already injected. Otherwise a pod near [`MAX_ITEMS`] would be denied when the
/// webhook is called again.
pub(crate) const MAX_INJECTED_ITEMS: usize = MAX_ITEMS + MAX_ADDED_ITEMS;

/// The maximum number of sources or files of a volume that are kept, more than any volume of Rolebridge has.
pub(super) const MAX_FILES: usize = 4;

/// Reads an optional list and keeps at most one item more than [`MAX_INJECTED_ITEMS`].
pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list: Option<Bounded<T, MAX_INJECTED_ITEMS>> = Option::deserialize(deserializer)?;
    Ok(list.map(|Bounded(kept)| kept))
}

/// Reads an optional list of a volume's sources or files, and keeps only a few.
pub(super) fn deserialize_files<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list: Option<Bounded<T, MAX_FILES>> = Option::deserialize(deserializer)?;
    Ok(list.map(|Bounded(kept)| kept))
}

/// A list of which one item more than `MAX` is kept.
struct Bounded<T, const MAX: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(BoundedVisitor(PhantomData))
    }
}

struct BoundedVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for BoundedVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() <= MAX {
            let Some(item) = list.next_element()? else { return Ok(Bounded(kept)) };
            kept.push(item);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Bounded(kept))
    }
}
