//! The list of containers of a pod with a bounded number of them in memory.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::bounded::{MAX_CONTAINERS, Room};
use super::container::{Container, ContainerSeed};

/// Containers of which only the first are kept: those of a pod that is not denied, with the sidecar. A view
/// takes a hundred times the 3 bytes of an empty container in the request.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Containers<'a> {
    kept: Vec<Container<'a>>,
    count: usize,
    items: usize,
}

impl<'a> Containers<'a> {
    /// Returns the number of containers in the pod, including those that are not kept.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Container<'a>> {
        self.kept.iter_mut()
    }

    /// Returns the number of items in the lists of the containers that are kept.
    pub(crate) const fn count_items(&self) -> usize {
        self.items
    }
}

impl<'a> Deref for Containers<'a> {
    type Target = [Container<'a>];

    fn deref(&self) -> &Self::Target {
        &self.kept
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Containers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ContainersVisitor)
    }
}

struct ContainersVisitor;

impl<'de> Visitor<'de> for ContainersVisitor {
    type Value = Containers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of containers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut kept, room) = (Vec::new(), Room::of_containers());
        while kept.len() <= MAX_CONTAINERS && !room.is_full() {
            let Some(container) = list.next_element_seed(ContainerSeed(&room))? else { break };
            kept.push(container);
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Containers { kept, count, items: room.count_items() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::MAX_INJECTED_ITEMS;

    #[test]
    fn containers_over_the_maximum_are_only_counted() {
        for (count, kept) in [(0, 0), (1, 1), (501, 501), (502, 501), (50_000, 501)] {
            let json = format!("[{}]", vec!["{}"; count].join(","));
            let containers: Containers<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!((containers.len(), containers.count()), (kept, count));
        }
    }

    #[test]
    fn items_over_the_maximum_of_all_containers_are_not_kept() {
        for field in ["env", "volumeMounts", "ports", "envFrom"] {
            let json = format!(r#"[{{"{field}":[{}]}},{{}},{{}}]"#, vec!["{}"; 200_000].join(","));
            let containers: Containers<'_> = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (containers.len(), containers.count(), containers.count_items()),
                (1, 3, MAX_INJECTED_ITEMS + 1)
            );
        }
        let container = format!(r#"{{"command":[{}]}}"#, vec!["\"x\""; 1000].join(","));
        let json = format!("[{}]", vec![&*container; 60].join(","));
        let containers: Containers<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (containers.len(), containers.count(), containers.count_items()),
            (57, 60, MAX_INJECTED_ITEMS + 1)
        );
        let lists =
            ["command", "args"].map(|field| format!(r#""{field}":[{}]"#, vec!["\"\""; 60_000].join(",")));
        let json = format!("[{{{}}}]", lists.join(","));
        let containers: Containers<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!((containers.len(), containers.count_items()), (1, MAX_INJECTED_ITEMS + 1));
    }
}
