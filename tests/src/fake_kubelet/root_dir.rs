//! The folder that replaces a container's root file system, and the mapping of paths into it.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::spec::PodSpec;
use crate::error::{Context, Error, Result};

#[derive(Debug)]
pub(super) struct RootDir {
    dir: PathBuf,
    /// Mount path to volume, for all containers, because they share the folder.
    mounts: BTreeMap<String, String>,
}

impl RootDir {
    pub(super) fn new(dir: PathBuf, spec: &PodSpec) -> Result<Self> {
        let mut mounts: BTreeMap<String, String> = BTreeMap::new();
        for mount in spec.containers().flat_map(|container| &container.volume_mounts) {
            let path = mount.path.trim_end_matches('/').to_owned();
            if mount.sub_path.is_some() || !path.starts_with('/') {
                return Err(Error::new(format!(
                    "the fake kubelet cannot mount {:?} with a subPath",
                    mount.name
                )));
            }
            let other = mounts.insert(path.clone(), mount.name.clone());
            if other.is_some_and(|other| other != mount.name) {
                return Err(Error::new(format!(
                    "two containers mount different volumes at {path}: the fake kubelet has one root for all containers"
                )));
            }
        }
        Ok(Self { dir, mounts })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Links each mount path to its volume's folder.
    pub(super) fn mount(&self, volume_dir: impl Fn(&str) -> PathBuf) -> Result<()> {
        std::fs::create_dir_all(&self.dir).context(format_args!("create {}", self.dir.display()))?;
        for (path, name) in &self.mounts {
            let target = volume_dir(name);
            if !target.is_dir() {
                return Err(Error::new(format!("{path} mounts {name:?}, but the pod has no such volume")));
            }
            let link = self.dir.join(path.trim_start_matches('/'));
            let parent = link.parent().context("the root cannot be a mount path")?;
            std::fs::create_dir_all(parent).context(format_args!("create {}", parent.display()))?;
            symlink(&target, &link).context(format_args!("mount {}", link.display()))?;
        }
        Ok(())
    }

    /// Prefixes each mount path in the text with this folder.
    pub(super) fn map_paths(&self, text: &str) -> String {
        let mut mapped = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let previous = mapped.chars().next_back();
            if next == '/' && !previous.is_some_and(is_path_char) && self.starts_with_mount(rest) {
                mapped += &self.dir.to_string_lossy();
            }
            mapped.push(next);
            rest = &rest[next.len_utf8()..];
        }
        mapped
    }

    fn starts_with_mount(&self, text: &str) -> bool {
        self.mounts.keys().any(|path| {
            text.strip_prefix(path.as_str())
                .is_some_and(|rest| rest.chars().next().is_none_or(|next| next == '/' || !is_path_char(next)))
        })
    }
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || "/._-".contains(c)
}
