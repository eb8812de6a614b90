//! A borrowed view of a pod: only the fields that affect injection. Serde skips the rest.
//!
//! Every list and map may be absent or `null`. The patch must then create it, so the view distinguishes it from an empty
//! one.

mod annotations;
mod borrowed_str;
mod bounded;
mod container;
mod container_list;
mod key;
mod network;
mod present;
mod security;
pub mod size;
mod volume;
mod volume_name;
mod windows;

use annotations::MIRROR;
pub(crate) use annotations::{
    Annotations, CONSUL_EXCLUDED_PORTS, ISTIO_EXCLUDED_PORTS, KUMA_EXCLUDED_PORTS, LINKERD_SKIPPED_PORTS,
    Labels,
};
pub use borrowed_str::BorrowedStr;
use bounded::MAX_PULL_SECRETS;
pub(crate) use bounded::{MAX_CONTAINERS, MAX_INJECTED_ITEMS, MAX_INJECTED_VOLUMES, MAX_ITEMS, MAX_VOLUMES};
pub(crate) use container::{Amounts, Container, Env, EnvFrom, EnvObject, Mount, Probe, Resources};
use container_list::Containers;
use network::HostAliases;
use present::Present;
pub(crate) use security::{SeLinuxOptions, SecurityContext};
use serde::Deserialize;
pub(crate) use volume::{ConfigMap, DownwardItem, EmptyDir, KeyItem, Volume};
pub(crate) use windows::WindowsField;

/// A pod, or the pod template of a workload.
#[derive(Debug, Clone, Hash, Deserialize)]
pub struct Pod<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Option<ObjectMeta<'a>>,
    #[serde(borrow)]
    pub(crate) spec: Spec<'a>,
}

#[derive(Debug, Clone, Default, Hash, Deserialize)]
pub(crate) struct ObjectMeta<'a> {
    #[serde(borrow)]
    pub(crate) annotations: Option<Annotations<'a>>,
    #[serde(borrow)]
    pub(crate) labels: Option<Labels<'a>>,
}

#[derive(Debug, Clone, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec<'a> {
    #[serde(borrow)]
    pub(crate) init_containers: Option<Containers<'a>>,
    #[serde(borrow)]
    pub(crate) containers: Option<Containers<'a>>,
    ephemeral_containers: Option<Vec<Present>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_INJECTED_VOLUMES>")]
    pub(crate) volumes: Option<Vec<Volume<'a>>>,
    #[serde(borrow, default, deserialize_with = "bounded::deserialize::<_, _, MAX_PULL_SECRETS>")]
    pub(crate) image_pull_secrets: Option<Vec<Named<'a>>>,
    #[serde(borrow)]
    pub(crate) service_account_name: Option<BorrowedStr<'a>>,
    /// The deprecated name of `serviceAccountName`, which the API server still sets too.
    #[serde(borrow)]
    pub(crate) service_account: Option<BorrowedStr<'a>>,
    pub(crate) host_network: Option<bool>,
    #[serde(borrow)]
    pub(crate) host_aliases: Option<HostAliases<'a>>,
    #[serde(borrow)]
    pub(crate) os: Option<Named<'a>>,
    #[serde(borrow)]
    node_selector: Option<windows::NodeSelector<'a>>,
    affinity: Option<windows::Affinity>,
    #[serde(borrow)]
    runtime_class_name: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    pub(crate) security_context: Option<SecurityContext<'a>>,
    pub(crate) resources: Option<Resources>,
}

/// An object with a name: a pull secret or an operating system.
#[derive(Debug, Clone, Hash, Deserialize)]
pub(crate) struct Named<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
}

/// One of the pod's two container lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ContainerList {
    Init,
    App,
}

impl ContainerList {
    /// Returns the JSON pointer of the list.
    pub(crate) const fn pointer(self) -> &'static str {
        match self {
            Self::Init => "/spec/initContainers",
            Self::App => "/spec/containers",
        }
    }
}

impl<'a> Pod<'a> {
    /// Returns the name of the service account, `default` if the pod sets none.
    #[must_use]
    pub fn service_account(&self) -> &str {
        [&self.spec.service_account_name, &self.spec.service_account]
            .into_iter()
            .filter_map(Option::as_deref)
            .find(|name| !name.is_empty())
            .unwrap_or("default")
    }

    pub(crate) fn annotations(&self) -> Option<&Annotations<'a>> {
        self.metadata.as_ref()?.annotations.as_ref()
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations()?.find(key)
    }

    pub(crate) fn rolebridge_labels(&self) -> impl Iterator<Item = &str> {
        let labels = self.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
        labels.into_iter().flat_map(Labels::keys)
    }

    pub(crate) fn init_containers(&self) -> &[Container<'a>] {
        self.spec.init_containers.as_deref().unwrap_or_default()
    }

    pub(crate) fn app_containers(&self) -> &[Container<'a>] {
        self.spec.containers.as_deref().unwrap_or_default()
    }

    /// Returns the init containers, then the app containers, each with its list and index.
    pub(crate) fn containers(&self) -> impl Iterator<Item = (ContainerList, usize, &Container<'a>)> {
        let init = self
            .init_containers()
            .iter()
            .enumerate()
            .map(|(index, container)| (ContainerList::Init, index, container));
        init.chain(
            self.app_containers()
                .iter()
                .enumerate()
                .map(|(index, container)| (ContainerList::App, index, container)),
        )
    }

    /// Returns the number of all containers: init, app and ephemeral ones.
    pub(crate) fn count_containers(&self) -> usize {
        let Spec { init_containers, containers, ephemeral_containers, .. } = &self.spec;
        let lists = [init_containers, containers].into_iter().flatten();
        lists.map(Containers::count).sum::<usize>() + ephemeral_containers.as_ref().map_or(0, Vec::len)
    }

    /// Returns the number of variables, mounts, ports and arguments of the containers. At more than
    /// [`MAX_INJECTED_ITEMS`] it may be too low.
    pub(crate) fn count_items(&self) -> usize {
        let lists = [&self.spec.init_containers, &self.spec.containers].into_iter().flatten();
        lists.map(Containers::count_items).sum::<usize>()
    }

    /// Returns the number of volumes. At more than [`MAX_INJECTED_VOLUMES`] it may be too low.
    pub(crate) fn count_volumes(&self) -> usize {
        self.spec.volumes.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn is_mirror(&self) -> bool {
        self.annotation(MIRROR).is_some()
    }

    pub(crate) fn shares_host_network(&self) -> bool {
        self.spec.host_network.unwrap_or_default()
    }

    /// Returns the first port on which programs in the pod may listen without privileges, if the pod sets it.
    pub(crate) fn port_sysctl(&self) -> Option<&str> {
        self.spec.security_context.as_ref()?.sysctls.as_ref()?.port.as_deref()
    }

    /// Returns the field that schedules the pod on Windows, if one does.
    pub(crate) fn runs_on_windows(&self) -> Option<WindowsField> {
        let spec = &self.spec;
        let has_options = |context: &Option<SecurityContext<'_>>| {
            context.as_ref().is_some_and(SecurityContext::has_windows_options)
        };
        let mut containers = self.init_containers().iter().chain(self.app_containers());
        windows::field(&windows::Fields {
            os: spec.os.as_ref().map(|os| &*os.name).unwrap_or_default(),
            node_selector: spec.node_selector.as_ref(),
            affinity: spec.affinity.as_ref(),
            pod_options: has_options(&spec.security_context),
            container_options: containers.any(|container| has_options(&container.security_context)),
            runtime_class: spec.runtime_class_name.as_deref().unwrap_or_default(),
        })
    }
}
