//! What an injection adds to a pod, in few words.

use rolebridge_core::env::app::{METADATA_HOST, METADATA_IP, METADATA_ROOT};
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount,
};
use serde::Serialize;

use crate::input::ordered_value::OrderedValue;

const VOLUMES: [VolumeMount; 5] = [TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, IDENTITY_VOLUME, CA_VOLUME];
/// What every mount path of ours begins with.
const FOLDER: &str = "/var/run/rolebridge/";
const METADATA: [&str; 3] = [METADATA_HOST, METADATA_IP, METADATA_ROOT];

/// What an injected pod has that it did not have.
#[derive(Debug, Serialize)]
pub(crate) struct Additions {
    /// The sidecar; absent where the kubelet does all the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sidecar: Option<Sidecar>,
    pub(crate) volumes: Vec<String>,
    /// The containers that get something, init containers first.
    pub(crate) containers: Vec<Container>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sidecar {
    pub(crate) image: String,
    /// The init containers that start before it.
    pub(crate) after: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Container {
    pub(crate) name: String,
    /// The variables that it did not have, or had with another value.
    pub(crate) env: Vec<Variable>,
    /// The paths of what is mounted.
    pub(crate) mounts: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Additions {
    /// What an injected pod has of ours. A variable of ours is told by its value; of the user's own none is shown.
    pub(crate) fn from_injected(pod: &OrderedValue) -> Self {
        let is_ours = |name: &&str| VOLUMES.iter().any(|volume| volume.name == *name);
        Self {
            sidecar: sidecar(pod),
            volumes: names(pod, "volumes").filter(is_ours).map(str::to_owned).collect(),
            containers: containers(pod).filter_map(Container::from_injected).collect(),
        }
    }

    /// What a pod has after its patch that it did not have before.
    pub(crate) fn diff(before: &OrderedValue, after: &OrderedValue) -> Self {
        let had: Vec<_> = names(before, "volumes").collect();
        let volumes = names(after, "volumes").filter(|name| !had.contains(name));
        Self {
            volumes: volumes.map(str::to_owned).collect(),
            sidecar: sidecar(after),
            containers: containers(after).filter_map(|container| Container::of(container, before)).collect(),
        }
    }
}

impl Container {
    fn from_injected(container: &OrderedValue) -> Option<Self> {
        let text = |item: &OrderedValue, key: &str| item.text(&[key]).unwrap_or_default().to_owned();
        let name = text(container, "name");
        let mount =
            |item: &OrderedValue| Some(text(item, "mountPath")).filter(|path| path.starts_with(FOLDER));
        let variable = |item: &OrderedValue| {
            let variable = Variable { name: text(item, "name"), value: text(item, "value") };
            let is_ours = variable.value.starts_with(FOLDER) || METADATA.contains(&&*variable.name);
            is_ours.then_some(variable)
        };
        let env: Vec<_> = list(container, "env").iter().filter_map(variable).collect();
        let mounts: Vec<_> = list(container, "volumeMounts").iter().filter_map(mount).collect();
        let is_apps = name != CONTAINER && !(env.is_empty() && mounts.is_empty());
        is_apps.then_some(Self { name, env, mounts })
    }

    fn of(container: &OrderedValue, pod: &OrderedValue) -> Option<Self> {
        let name = container.text(&["name"])?;
        let before = containers(pod).find(|one| one.text(&["name"]) == Some(name))?;
        let new = |key| {
            let (now, then) = (list(container, key), list(before, key));
            now.iter().filter(|item| !then.contains(item))
        };
        let text = |item: &OrderedValue, key: &str| item.text(&[key]).unwrap_or_default().to_owned();
        let env: Vec<_> = new("env")
            .map(|item| Variable { name: text(item, "name"), value: text(item, "value") })
            .collect();
        let mounts: Vec<_> = new("volumeMounts").map(|item| text(item, "mountPath")).collect();
        (!env.is_empty() || !mounts.is_empty()).then(|| Self { name: name.to_owned(), env, mounts })
    }
}

fn sidecar(pod: &OrderedValue) -> Option<Sidecar> {
    let all = list(pod.get("spec")?, "initContainers");
    let at = all.iter().position(|container| container.text(&["name"]) == Some(CONTAINER))?;
    let name = |container: &OrderedValue| container.text(&["name"]).map(str::to_owned);
    Some(Sidecar {
        image: all[at].text(&["image"])?.to_owned(),
        after: all[..at].iter().filter_map(name).collect(),
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

fn list<'a>(node: &'a OrderedValue, key: &str) -> &'a [OrderedValue] {
    node.get(key).map(OrderedValue::items).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_volume_lies_in_our_folder() {
        assert!(VOLUMES.iter().all(|volume| volume.path.starts_with(FOLDER)));
    }
}
