//! A borrowed view of a pod: just the fields that decide something; serde skips the rest.
//!
//! Every list and map may be absent or `null`: the patch must create it then, so the view keeps the difference to empty.

mod annotations;
mod borrowed_str;
mod container;
mod volume;

pub(crate) use annotations::{Annotations, Labels, MIRROR};
pub use borrowed_str::BorrowedStr;
pub(crate) use container::{Amounts, Container, Env, Resources, User};
use serde::Deserialize;
pub(crate) use volume::{DownwardItem, Volume};

/// A pod, or a workload's pod template.
#[derive(Debug, Clone, Deserialize)]
pub struct Pod<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Option<ObjectMeta<'a>>,
    #[serde(borrow)]
    pub(crate) spec: Spec<'a>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ObjectMeta<'a> {
    #[serde(borrow)]
    pub(crate) annotations: Option<Annotations<'a>>,
    #[serde(borrow)]
    pub(crate) labels: Option<Labels<'a>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spec<'a> {
    #[serde(borrow)]
    pub(crate) init_containers: Option<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub(crate) containers: Option<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub(crate) volumes: Option<Vec<Volume<'a>>>,
    #[serde(borrow)]
    pub(crate) image_pull_secrets: Option<Vec<Named<'a>>>,
    #[serde(borrow)]
    pub(crate) service_account_name: Option<BorrowedStr<'a>>,
    /// The old name of `serviceAccountName`, which the API server still keeps beside it.
    #[serde(borrow)]
    pub(crate) service_account: Option<BorrowedStr<'a>>,
    pub(crate) host_network: Option<bool>,
    #[serde(borrow)]
    pub(crate) os: Option<Named<'a>>,
    #[serde(borrow)]
    pub(crate) node_selector: Option<NodeSelector<'a>>,
    pub(crate) security_context: Option<User>,
    pub(crate) resources: Option<Resources>,
}

/// Something of which only the name matters: a pull secret, an operating system.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Named<'a> {
    #[serde(borrow, default)]
    pub(crate) name: BorrowedStr<'a>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodeSelector<'a> {
    #[serde(borrow, rename = "kubernetes.io/os")]
    os: Option<BorrowedStr<'a>>,
}

/// Which of the pod's two lists a container stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerList {
    Init,
    App,
}

impl ContainerList {
    /// The list's JSON pointer.
    pub(crate) const fn pointer(self) -> &'static str {
        match self {
            Self::Init => "/spec/initContainers",
            Self::App => "/spec/containers",
        }
    }
}

impl<'a> Pod<'a> {
    /// The name of its service account; `default` if it names none.
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

    pub(crate) fn labels_of_ours(&self) -> impl Iterator<Item = &str> {
        let labels = self.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
        labels.into_iter().flat_map(Labels::keys)
    }

    pub(crate) fn init_containers(&self) -> &[Container<'a>] {
        self.spec.init_containers.as_deref().unwrap_or_default()
    }

    pub(crate) fn app_containers(&self) -> &[Container<'a>] {
        self.spec.containers.as_deref().unwrap_or_default()
    }

    /// Init containers, then the others, each with its list and its place there.
    pub(crate) fn containers(&self) -> impl Iterator<Item = (ContainerList, usize, &Container<'a>)> {
        let init = self.init_containers().iter().enumerate().map(|(at, one)| (ContainerList::Init, at, one));
        init.chain(self.app_containers().iter().enumerate().map(|(at, one)| (ContainerList::App, at, one)))
    }

    pub(crate) fn is_mirror(&self) -> bool {
        self.annotation(MIRROR).is_some()
    }

    pub(crate) fn shares_host_network(&self) -> bool {
        self.spec.host_network.unwrap_or_default()
    }

    /// The field that puts the pod on Windows, if one does.
    pub(crate) fn runs_on_windows(&self) -> Option<&'static str> {
        let os = self.spec.os.as_ref().map(|os| ("spec.os.name", &*os.name));
        let selected = || {
            let selected = self.spec.node_selector.as_ref()?.os.as_deref()?;
            Some(("spec.nodeSelector kubernetes.io/os", selected))
        };
        os.or_else(selected).filter(|(_, name)| *name == "windows").map(|(field, _)| field)
    }
}
