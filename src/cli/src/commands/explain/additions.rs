//! The additions of an injection to a pod, summarized.

use rolebridge_core::env::app::{METADATA_HOST, METADATA_IP, METADATA_ROOT};
use rolebridge_core::metadata_host::{ADDRESS, NAMES};
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, FOLDER, IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount,
};
use serde::Serialize;

use crate::input::ordered_value::OrderedValue;

const VOLUMES: [VolumeMount; 5] = [TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, IDENTITY_VOLUME, CA_VOLUME];
const METADATA: [&str; 3] = [METADATA_HOST, METADATA_IP, METADATA_ROOT];

/// The additions to a pod.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Additions {
    /// The sidecar; `None` if the kubelet keeps the token itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sidecar: Option<Sidecar>,
    pub(crate) volumes: Vec<String>,
    /// The names of Google's metadata server that lead to the sidecar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) host_names: Vec<String>,
    /// The containers with additions, init containers first.
    pub(crate) containers: Vec<Container>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sidecar {
    pub(crate) image: String,
    /// The init containers that start before the sidecar.
    pub(crate) after: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// The new variables, and those with a new value.
    pub(crate) env: Vec<Variable>,
    /// The paths of the new mounts.
    pub(crate) mounts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Additions {
    /// Returns the additions that an injected pod has.
    ///
    /// Added variables are recognized by their values, so that none of the user's variables is shown.
    pub(crate) fn from_injected(pod: &OrderedValue) -> Self {
        let is_added = |name: &&str| VOLUMES.iter().any(|volume| volume.name == *name);
        Self {
            sidecar: sidecar(pod),
            volumes: names(pod, "volumes").filter(is_added).map(str::to_owned).collect(),
            host_names: host_names(pod),
            containers: containers(pod).filter_map(Container::from_injected).collect(),
        }
    }

    /// Returns the additions of a patch, from the pod before and after it.
    pub(crate) fn diff(before: &OrderedValue, after: &OrderedValue) -> Self {
        let volumes_before: Vec<_> = names(before, "volumes").collect();
        let volumes = names(after, "volumes").filter(|name| !volumes_before.contains(name));
        Self {
            volumes: volumes.map(str::to_owned).collect(),
            host_names: host_names(after),
            sidecar: sidecar(after),
            containers: containers(after)
                .filter_map(|container| Container::diff(before, container))
                .collect(),
        }
    }
}

impl Container {
    fn from_injected(container: &OrderedValue) -> Option<Self> {
        let name = text(container, "name");
        let mount =
            |item: &OrderedValue| Some(text(item, "mountPath")).filter(|path| path.starts_with(FOLDER));
        let variable = |item: &OrderedValue| {
            let variable = Variable { name: text(item, "name"), value: text(item, "value") };
            let is_added = variable.value.starts_with(FOLDER) || METADATA.contains(&&*variable.name);
            is_added.then_some(variable)
        };
        let env: Vec<_> = list(container, "env").iter().filter_map(variable).collect();
        let mounts: Vec<_> = list(container, "volumeMounts").iter().filter_map(mount).collect();
        let has_additions = name != CONTAINER && !(env.is_empty() && mounts.is_empty());
        has_additions.then_some(Self { name, env, mounts })
    }

    /// Returns the additions to a container, or `None` if it is new or unchanged.
    fn diff(pod_before: &OrderedValue, container: &OrderedValue) -> Option<Self> {
        let name = container.text(&["name"])?;
        let before = containers(pod_before).find(|one| one.text(&["name"]) == Some(name))?;
        let new = |key| {
            let (items, items_before) = (list(container, key), list(before, key));
            items.iter().filter(|item| !items_before.contains(item))
        };
        let env: Vec<_> = new("env")
            .map(|item| Variable { name: text(item, "name"), value: text(item, "value") })
            .collect();
        let mounts: Vec<_> = new("volumeMounts").map(|item| text(item, "mountPath")).collect();
        (!env.is_empty() || !mounts.is_empty()).then(|| Self { name: name.to_owned(), env, mounts })
    }
}

fn sidecar(pod: &OrderedValue) -> Option<Sidecar> {
    let containers = list(pod.get("spec")?, "initContainers");
    let index = containers.iter().position(|container| container.text(&["name"]) == Some(CONTAINER))?;
    let name = |container: &OrderedValue| container.text(&["name"]).map(str::to_owned);
    Some(Sidecar {
        image: containers[index].text(&["image"])?.to_owned(),
        after: containers[..index].iter().filter_map(name).collect(),
    })
}

fn containers(pod: &OrderedValue) -> impl Iterator<Item = &OrderedValue> {
    let spec = pod.get("spec");
    ["initContainers", "containers"]
        .into_iter()
        .filter_map(move |key| spec?.get(key))
        .flat_map(OrderedValue::items)
}

fn names<'a>(pod: &'a OrderedValue, key: &str) -> impl Iterator<Item = &'a str> {
    let items = pod.find(&["spec", key]).map(OrderedValue::items).unwrap_or_default();
    items.iter().filter_map(|item| item.text(&["name"]))
}

/// Returns the names of Google's metadata server, if an alias leads them to the sidecar.
fn host_names(pod: &OrderedValue) -> Vec<String> {
    let aliases = pod.find(&["spec", "hostAliases"]).map(OrderedValue::items).unwrap_or_default();
    let is_added = |alias: &OrderedValue| {
        let names = list(alias, "hostnames").iter().filter_map(|name| name.text(&[]));
        alias.text(&["ip"]) == Some(ADDRESS) && names.eq(NAMES)
    };
    if aliases.iter().any(is_added) { NAMES.map(str::to_owned).into() } else { Vec::new() }
}

fn list<'a>(value: &'a OrderedValue, key: &str) -> &'a [OrderedValue] {
    value.get(key).map(OrderedValue::items).unwrap_or_default()
}

fn text(value: &OrderedValue, key: &str) -> String {
    value.text(&[key]).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_paths_are_in_folder() {
        assert!(VOLUMES.iter().all(|volume| volume.path.starts_with(FOLDER)));
    }
}
