//! A fake of the kubelet and the container runtime. It creates a pod's volumes and runs its containers as processes, with
//! exactly the arguments, environment and files of the pod spec.
//!
//! A process has no root file system of its own, so the mount paths are created below a folder. Where a mount path occurs
//! in an argument, an environment variable or a downward API file, that folder is prefixed. Nothing else is changed.
//! Limits, users and security contexts, with their sysctls, are not enforced; the cluster tests cover them. The containers of a
//! pod with `hostAliases` have a mount namespace, for an `/etc/hosts` of their own.

mod atomic_writer;
mod container;
mod downward_api;
mod env;
mod hosts;
mod root_dir;
mod spec;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use container::RunningPod;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::root_dir::RootDir;
use self::spec::{Container, PodSpec};
use crate::error::{Context, Result};

/// The kubelet's request to the API server for a projected service account token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's service account.
    pub service_account: String,
    /// The pod's name.
    pub pod: String,
    /// The pod's UID.
    pub pod_uid: String,
    /// The token's audience, or `None` for the API server itself.
    pub audience: Option<String>,
    /// Lifetime in seconds.
    pub lifetime: u64,
}

/// Issues service account tokens, as the API server does with the cluster's keys.
pub type TokenIssuer = Arc<dyn Fn(&TokenRequest) -> Result<String> + Send + Sync>;

/// Programs, config maps and tokens for the pods of a node.
#[derive(Clone)]
pub struct Node {
    /// Program path in an image to the program on this machine and the arguments that precede the container's.
    pub programs: BTreeMap<String, Vec<OsString>>,
    /// Config map name to data, for the pod's namespace.
    pub config_maps: BTreeMap<String, BTreeMap<String, String>>,
    /// Issuer of service account tokens.
    pub token_issuer: TokenIssuer,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("programs", &self.programs)
            .field("config_maps", &self.config_maps.keys())
            .finish_non_exhaustive()
    }
}

/// A pod on the node, with its volumes. Dropping it deletes them.
#[derive(Debug)]
pub struct Pod {
    manifest: Value,
    spec: PodSpec,
    node: Node,
    root: RootDir,
    /// The pod's `/etc/hosts`, if it has `hostAliases`.
    hosts: Option<PathBuf>,
    dir: TempDir,
}

impl Pod {
    /// Names an admitted pod and creates its volumes.
    ///
    /// # Errors
    /// Returns an error that names the field if the pod uses a feature that the fake does not support.
    pub fn create(node: &Node, admitted: &Value) -> Result<Self> {
        let mut manifest = admitted.clone();
        set_name_and_uid(&mut manifest);
        let spec = PodSpec::deserialize(&manifest["spec"]).context("read the pod's spec")?;
        let dir = tempfile::Builder::new()
            .prefix("rolebridge-pod-")
            .tempdir()
            .context("create the pod's folder")?;
        let root = RootDir::new(dir.path().join("root"), &spec)?;
        let hosts = hosts::write(&spec.host_aliases, dir.path())?;
        let pod = Self { manifest, spec, node: node.clone(), root, hosts, dir };
        pod.create_volumes()?;
        Ok(pod)
    }

    /// Returns the pod as the API server would return it.
    #[must_use]
    pub const fn manifest(&self) -> &Value {
        &self.manifest
    }

    /// Returns the folder that replaces the containers' root file system.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.dir()
    }

    /// Returns the path on this machine of a path in the containers.
    #[must_use]
    pub fn path(&self, container_path: &str) -> PathBuf {
        self.root.dir().join(container_path.trim_start_matches('/'))
    }

    fn container(&self, name: &str) -> Result<&Container> {
        self.spec
            .containers()
            .find(|container| container.name == name)
            .context(format_args!("the pod has no container {name:?}"))
    }
}

/// Sets a name and a UID, as the API server does after admission.
fn set_name_and_uid(manifest: &mut Value) {
    let metadata = &mut manifest["metadata"];
    if metadata["name"].is_null() {
        metadata["name"] = json!(format!("{}w4q8z", metadata["generateName"].as_str().unwrap_or("pod-")));
    }
    if metadata["uid"].is_null() {
        metadata["uid"] = json!("b6c1f9f2-5e0d-4a53-9d57-2f1f6a3f7c10");
    }
}
