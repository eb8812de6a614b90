//! A stand-in for the kubelet and the container runtime: it materialises a pod's volumes and runs its containers as
//! processes, with exactly the arguments, environment and files that the pod says.
//!
//! A process has no root file system of its own. So the mount paths lie below a folder, and where one of them occurs in
//! an argument, an environment variable or a downward file, that folder is put before it. Nothing else is changed.
//! Limits, users and security contexts are the cluster tests' matter.

mod atomic;
mod container;
mod environment;
mod fields;
mod root;
mod spec;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use container::Running;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::root::Root;
use self::spec::{Container, Spec};
use crate::error::{Context, Result};

/// What the kubelet asks the API server for, for a projected service account token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's service account.
    pub service_account: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's uid.
    pub pod_uid: String,
    /// `None`: the API server's own.
    pub audience: Option<String>,
    /// Seconds.
    pub lifetime: u64,
}

/// Answers a token request, as the API server does with the cluster's keys.
pub type Minter = Arc<dyn Fn(&TokenRequest) -> Result<String> + Send + Sync>;

/// What a node has for its pods.
#[derive(Clone)]
pub struct Node {
    /// By path in an image: the program on this machine and the arguments that stand before the container's own.
    pub programs: BTreeMap<String, Vec<OsString>>,
    /// By name: the data of the config maps in the pod's namespace.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// Makes service account tokens.
    pub minter: Minter,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("programs", &self.programs)
            .field("config_maps", &self.config_maps.keys())
            .finish_non_exhaustive()
    }
}

/// A pod on the node, its volumes in place. They are removed when it is dropped.
#[derive(Debug)]
pub struct Pod {
    manifest: Value,
    spec: Spec,
    node: Node,
    root: Root,
    dir: TempDir,
}

impl Pod {
    /// Takes a pod as it was admitted, names it, and materialises its volumes.
    ///
    /// # Errors
    /// The pod uses something that the stand-in does not know, by name.
    pub fn place(node: &Node, admitted: &Value) -> Result<Self> {
        let mut manifest = admitted.clone();
        name(&mut manifest);
        let spec = Spec::deserialize(&manifest["spec"]).context("read the pod's spec")?;
        let dir =
            tempfile::Builder::new().prefix("rolebridge-pod-").tempdir().context("make the pod's folder")?;
        let root = Root::new(dir.path().join("root"), &spec)?;
        let pod = Self { manifest, spec, node: node.clone(), root, dir };
        pod.materialise()?;
        Ok(pod)
    }

    /// The pod as the API shows it now.
    #[must_use]
    pub const fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// The folder that stands for the containers' root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.dir()
    }

    /// Where a path in the containers lies on this machine.
    #[must_use]
    pub fn path(&self, in_container: &str) -> PathBuf {
        self.root.dir().join(in_container.trim_start_matches('/'))
    }

    fn container(&self, name: &str) -> Result<&Container> {
        self.spec
            .containers()
            .find(|container| container.name == name)
            .context(format_args!("the pod has no container {name:?}"))
    }
}

/// A name and a uid, as the API server gives them when everything has been admitted.
fn name(manifest: &mut Value) {
    let metadata = &mut manifest["metadata"];
    if metadata["name"].is_null() {
        metadata["name"] = json!(format!("{}w4q8z", metadata["generateName"].as_str().unwrap_or("pod-")));
    }
    if metadata["uid"].is_null() {
        metadata["uid"] = json!("b6c1f9f2-5e0d-4a53-9d57-2f1f6a3f7c10");
    }
}
