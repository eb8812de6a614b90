//! Creates a pod's volumes as folders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::spec::{ConfigMap, DownwardApi, ProjectedSource, ServiceAccountToken, Volume, VolumeSource};
use super::{Pod, TokenRequest, atomic_writer};
use crate::error::{Context, Error, Result};

type Files = BTreeMap<String, String>;

impl Pod {
    pub(super) fn create_volumes(&self) -> Result<()> {
        for volume in &self.spec.volumes {
            self.write_volume(volume)?;
        }
        self.root.mount(|name| self.volume_dir(name))
    }

    /// Replaces every projected token by a new one, in one step for any reader. The kubelet does so at 80 % of a token's
    /// lifetime.
    ///
    /// # Errors
    /// Returns an error if a token cannot be issued or written.
    pub fn rotate_tokens(&self) -> Result<()> {
        let has_token = |volume: &&Volume| match &volume.source {
            VolumeSource::Projected { sources } => {
                sources.iter().any(|source| matches!(source, ProjectedSource::ServiceAccountToken(_)))
            }
            _ => false,
        };
        self.spec.volumes.iter().filter(has_token).try_for_each(|volume| self.write_volume(volume))
    }

    /// Replaces the files of a projected volume, for example by an expired or an empty token.
    ///
    /// # Errors
    /// Returns an error if the pod has no such volume, or if it cannot be written.
    pub fn overwrite_projected(&self, volume: &str, files: &[(&str, &str)]) -> Result<()> {
        let dir = self.volume_dir(volume);
        if !dir.is_dir() {
            return Err(Error::new(format!("the pod has no volume {volume:?}")));
        }
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        atomic_writer::write(&dir, &files)
    }

    fn volume_dir(&self, name: &str) -> PathBuf {
        self.dir.path().join("volumes").join(name)
    }

    fn write_volume(&self, volume: &Volume) -> Result<()> {
        let dir = self.volume_dir(&volume.name);
        let mut files = Files::new();
        match &volume.source {
            VolumeSource::EmptyDir(_) => {
                return std::fs::create_dir_all(&dir).context(format_args!("create {}", dir.display()));
            }
            VolumeSource::DownwardApi(fields) => self.add_fields(fields, &mut files)?,
            VolumeSource::ConfigMap(config_map) => self.add_config_map(config_map, &mut files)?,
            VolumeSource::Projected { sources } => {
                for source in sources {
                    match source {
                        ProjectedSource::ServiceAccountToken(token) => self.add_token(token, &mut files)?,
                        ProjectedSource::ConfigMap(config_map) => {
                            self.add_config_map(config_map, &mut files)?;
                        }
                        ProjectedSource::DownwardApi(fields) => self.add_fields(fields, &mut files)?,
                    }
                }
            }
        }
        atomic_writer::write(&dir, &files)
    }

    fn add_fields(&self, fields: &DownwardApi, files: &mut Files) -> Result<()> {
        for item in &fields.items {
            let text = self.field(&item.field_ref.field_path)?;
            files.insert(item.path.clone(), self.root.map_paths(&text));
        }
        Ok(())
    }

    fn add_config_map(&self, config_map: &ConfigMap, files: &mut Files) -> Result<()> {
        let name = &config_map.name;
        let data = self.node.config_maps.get(name).context(format_args!("config map {name:?} not found"))?;
        for (file, key) in config_map.files(data) {
            let text = data.get(&key).context(format_args!("config map {name:?} has no key {key:?}"))?;
            files.insert(file, text.clone());
        }
        Ok(())
    }

    fn add_token(&self, token: &ServiceAccountToken, files: &mut Files) -> Result<()> {
        let metadata = |field: &str| self.manifest["metadata"][field].as_str().unwrap_or_default().to_owned();
        let request = TokenRequest {
            namespace: metadata("namespace"),
            service_account: self.spec.service_account_name.clone(),
            pod: metadata("name"),
            pod_uid: metadata("uid"),
            audience: token.audience.clone(),
            lifetime: token.expiration_seconds,
        };
        files.insert(token.path.clone(), (self.node.token_issuer)(&request)?);
        Ok(())
    }
}
