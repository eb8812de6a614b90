//! The folder that stands for a container's root, and the paths that it changes.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::spec::Spec;
use crate::error::{Context, Failure, Result};

#[derive(Debug)]
pub(super) struct Root {
    dir: PathBuf,
    /// Mount path to volume, for all containers: they share the folder.
    mounts: BTreeMap<String, String>,
}

impl Root {
    pub(super) fn new(dir: PathBuf, spec: &Spec) -> Result<Self> {
        let mut mounts: BTreeMap<String, String> = BTreeMap::new();
        for mount in spec.containers().flat_map(|container| &container.volume_mounts) {
            let path = mount.path.trim_end_matches('/').to_owned();
            if mount.sub_path.is_some() || !path.starts_with('/') {
                return Err(Failure::new(format!(
                    "the stand-in kubelet cannot mount {:?} with a subPath",
                    mount.name
                )));
            }
            let other = mounts.insert(path.clone(), mount.name.clone());
            if other.is_some_and(|other| other != mount.name) {
                return Err(Failure::new(format!(
                    "two containers mount different volumes at {path}: the stand-in kubelet has one root for all"
                )));
            }
        }
        Ok(Self { dir, mounts })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes each mount path a link to its volume's folder.
    pub(super) fn mount(&self, volume: impl Fn(&str) -> PathBuf) -> Result<()> {
        std::fs::create_dir_all(&self.dir).context(format_args!("make {}", self.dir.display()))?;
        for (path, name) in &self.mounts {
            let target = volume(name);
            if !target.is_dir() {
                return Err(Failure::new(format!("{path} mounts {name:?}, and the pod has no such volume")));
            }
            let link = self.dir.join(path.trim_start_matches('/'));
            let parent = link.parent().context("the root is no mount path")?;
            std::fs::create_dir_all(parent).context(format_args!("make {}", parent.display()))?;
            symlink(&target, &link).context(format_args!("mount {}", link.display()))?;
        }
        Ok(())
    }

    /// The text with this folder before each mount path.
    pub(super) fn map(&self, text: &str) -> String {
        let mut mapped = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let before = mapped.chars().next_back();
            if next == '/' && !before.is_some_and(in_a_path) && self.mount_at(rest) {
                mapped += &self.dir.to_string_lossy();
            }
            mapped.push(next);
            rest = &rest[next.len_utf8()..];
        }
        mapped
    }

    fn mount_at(&self, text: &str) -> bool {
        self.mounts.keys().any(|path| {
            text.strip_prefix(path.as_str())
                .is_some_and(|rest| rest.chars().next().is_none_or(|next| next == '/' || !in_a_path(next)))
        })
    }
}

fn in_a_path(c: char) -> bool {
    c.is_alphanumeric() || "/._-".contains(c)
}
