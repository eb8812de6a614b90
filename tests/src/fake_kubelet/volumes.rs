//! A pod's volumes as folders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::spec::{ConfigMap, Downward, Source, Token, Volume, VolumeKind};
use super::{Pod, TokenRequest, atomic};
use crate::error::{Context, Failure, Result};

type Files = BTreeMap<String, String>;

impl Pod {
    pub(super) fn materialise(&self) -> Result<()> {
        for volume in &self.spec.volumes {
            self.write_volume(volume)?;
        }
        self.root.mount(|name| self.volume_dir(name))
    }

    /// Gives every projected token a new one, in one step for any reader, as the kubelet does at 80 % of a token's
    /// life.
    ///
    /// # Errors
    /// A token cannot be made or written.
    pub fn rotate_tokens(&self) -> Result<()> {
        let holds_token = |volume: &&Volume| match &volume.kind {
            VolumeKind::Projected { sources } => {
                sources.iter().any(|source| matches!(source, Source::Token(_)))
            }
            _ => false,
        };
        self.spec.volumes.iter().filter(holds_token).try_for_each(|volume| self.write_volume(volume))
    }

    /// Writes something else where the projected token for an audience is: an expired one, or none at all.
    ///
    /// # Errors
    /// The pod has no such volume, or it cannot be written.
    pub fn overwrite_projected(&self, volume: &str, files: &[(&str, &str)]) -> Result<()> {
        let dir = self.volume_dir(volume);
        if !dir.is_dir() {
            return Err(Failure::new(format!("the pod has no volume {volume:?}")));
        }
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        atomic::write(&dir, &files)
    }

    fn volume_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join("volumes").join(name)
    }

    fn write_volume(&self, volume: &Volume) -> Result<()> {
        let dir = self.volume_dir(&volume.name);
        let mut files = Files::new();
        match &volume.kind {
            VolumeKind::Empty(_) => {
                return std::fs::create_dir_all(&dir).context(format_args!("make {}", dir.display()));
            }
            VolumeKind::Downward(downward) => self.downward(downward, &mut files)?,
            VolumeKind::ConfigMap(config_map) => self.config_map(config_map, &mut files)?,
            VolumeKind::Projected { sources } => {
                for source in sources {
                    match source {
                        Source::Token(token) => self.token(token, &mut files)?,
                        Source::ConfigMap(config_map) => self.config_map(config_map, &mut files)?,
                        Source::Downward(downward) => self.downward(downward, &mut files)?,
                    }
                }
            }
        }
        atomic::write(&dir, &files)
    }

    fn downward(&self, downward: &Downward, files: &mut Files) -> Result<()> {
        for item in &downward.items {
            let text = self.field(&item.field_ref.field_path)?;
            files.insert(item.path.clone(), self.root.map(&text));
        }
        Ok(())
    }

    fn config_map(&self, config_map: &ConfigMap, files: &mut Files) -> Result<()> {
        let name = &config_map.name;
        let data = self.node.config_maps.get(name).context(format_args!("config map {name:?} not found"))?;
        for (file, key) in config_map.files(data) {
            let text = data.get(&key).context(format_args!("config map {name:?} has no key {key:?}"))?;
            files.insert(file, text.clone());
        }
        Ok(())
    }

    fn token(&self, token: &Token, files: &mut Files) -> Result<()> {
        let metadata = |field: &str| self.manifest["metadata"][field].as_str().unwrap_or_default().to_owned();
        let request = TokenRequest {
            namespace: metadata("namespace"),
            service_account: self.spec.service_account_name.clone(),
            pod: metadata("name"),
            pod_uid: metadata("uid"),
            audience: token.audience.clone(),
            lifetime: token.expiration_seconds,
        };
        files.insert(token.path.clone(), (self.node.minter)(&request)?);
        Ok(())
    }
}
