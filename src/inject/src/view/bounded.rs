//! Lists of which only the first items are kept. An item takes many times its bytes of the request, such as a mount
//! `{}`.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::borrowed_str::BorrowedStr;

/// The maximum number of containers of a pod that is injected.
///
/// No kubelet runs so many: Kubernetes is tested with 110 pods on a node, and most have a few containers. The patch adds up to
/// 12 values to each container, so this bounds it: 2 MiB, and the pod's own values of `NO_PROXY`.
pub(crate) const MAX_CONTAINERS: usize = 500;

/// The maximum number of variables, mounts, ports and arguments of the containers, in all.
///
/// The API server stores at most 1.5 MiB of a pod, in which so many have no room for names and values. The limit bounds the
/// memory of a decision.
pub(crate) const MAX_ITEMS: usize = 50_000;

/// The maximum number of items that Rolebridge adds to a pod: 12 for each container, and those of its own container.
const MAX_ADDED_ITEMS: usize = 12 * MAX_CONTAINERS + 100;

/// The maximum number of items of a pod that is already injected. Otherwise a pod near [`MAX_ITEMS`] would be denied when the
/// webhook is called again.
pub(crate) const MAX_INJECTED_ITEMS: usize = MAX_ITEMS + MAX_ADDED_ITEMS;

/// The maximum number of volumes of a pod that is injected: two for each of its containers. A volume takes many times the
/// memory of a variable, so volumes do not share the limit of the other items.
pub(crate) const MAX_VOLUMES: usize = 2 * MAX_CONTAINERS;

/// The maximum number of volumes of a pod that is already injected. Rolebridge adds a few.
pub(crate) const MAX_INJECTED_VOLUMES: usize = MAX_VOLUMES + 10;

/// The maximum number of pull secrets that are kept. If the pod has more, Rolebridge may add one that is there already.
pub(super) const MAX_PULL_SECRETS: usize = 1000;

/// The maximum number of Rolebridge's keys that are kept of a map. There are a few dozen, and a pod with others is denied.
pub(super) const MAX_KEYS: usize = 1000;

/// The maximum number of sources or files of a volume that are kept, more than any volume of Rolebridge has.
pub(super) const MAX_FILES: usize = 4;

/// Reads an optional list and keeps at most one item more than `MAX`.
pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list: Option<Bounded<T, MAX>> = Option::deserialize(deserializer)?;
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

/// The number of items that lists may still keep together.
#[derive(Debug)]
pub(super) struct Room(Cell<usize>);

impl Room {
    /// Creates the room of a list of containers: one item more than [`MAX_INJECTED_ITEMS`].
    pub(super) const fn of_containers() -> Self {
        Self(Cell::new(MAX_INJECTED_ITEMS + 1))
    }

    /// Returns true if no more items are kept.
    pub(super) const fn is_full(&self) -> bool {
        self.0.get() == 0
    }

    /// Returns the number of items that are kept.
    pub(super) const fn count_items(&self) -> usize {
        MAX_INJECTED_ITEMS + 1 - self.0.get()
    }

    /// Takes the place of an item that counts as `weight` items.
    fn take(&self, weight: usize) {
        self.0.set(self.0.get().saturating_sub(weight));
    }

    /// Returns a seed of a list of which each item counts as `weight` items.
    pub(super) const fn list<T>(&self, weight: usize) -> ListSeed<'_, T> {
        ListSeed { room: self, weight, item: PhantomData }
    }

    /// Returns a seed of a list that is compared with some words.
    pub(super) const fn words<'w>(&self, expected: &'w [&'w str]) -> WordsSeed<'_, 'w> {
        WordsSeed { room: self, expected }
    }
}

/// An item of a list of a container.
pub(super) trait Item: Sized {
    /// Returns the item at an index of the list, or `None` if it does not decide.
    fn at(self, _: u32) -> Option<Self> {
        Some(self)
    }
}

/// Reads an optional list and keeps the items that decide and for which there is room.
pub(super) struct ListSeed<'r, T> {
    room: &'r Room,
    weight: usize,
    item: PhantomData<T>,
}

impl<'de, T: Item + Deserialize<'de>> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = Option<Vec<T>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Item + Deserialize<'de>> Visitor<'de> for ListSeed<'_, T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut kept, mut count) = (Vec::new(), 0);
        while !self.room.is_full() {
            let Some(item) = list.next_element::<T>()? else { return Ok(Some(kept)) };
            if let Some(item) = item.at(count) {
                kept.push(item);
            }
            count += 1;
            self.room.take(self.weight);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(kept))
    }
}

/// Reads an optional list of words. Returns true if they are the expected ones.
pub(super) struct WordsSeed<'r, 'w> {
    room: &'r Room,
    expected: &'w [&'w str],
}

impl<'de> DeserializeSeed<'de> for WordsSeed<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for WordsSeed<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(false)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(false)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut expected, mut are_equal) = (self.expected.iter(), true);
        while !self.room.is_full() {
            let Some(word) = list.next_element::<BorrowedStr<'de>>()? else {
                return Ok(are_equal && expected.next().is_none());
            };
            are_equal = are_equal && expected.next().is_some_and(|expected| **expected == *word);
            self.room.take(1);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}
