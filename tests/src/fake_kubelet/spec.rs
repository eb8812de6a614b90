//! Fields of a pod spec that the fake kubelet supports. Types have the names of the Kubernetes API.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    #[serde(default)]
    pub(super) init_containers: Vec<Container>,
    #[serde(default)]
    pub(super) containers: Vec<Container>,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    #[serde(default)]
    pub(super) host_aliases: Vec<HostAlias>,
    #[serde(default = "default_service_account")]
    pub(super) service_account_name: String,
}

fn default_service_account() -> String {
    "default".to_owned()
}

impl PodSpec {
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct HostAlias {
    pub(super) ip: String,
    #[serde(default)]
    pub(super) hostnames: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: Vec<EnvVar>,
    #[serde(default)]
    pub(super) volume_mounts: Vec<VolumeMount>,
    pub(super) restart_policy: Option<String>,
    pub(super) startup_probe: Option<Probe>,
}

impl Container {
    pub(super) fn is_native_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvVar {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
    pub(super) value_from: Option<EnvVarSource>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EnvVarSource {
    pub(super) field_ref: Option<ObjectFieldSelector>,
    pub(super) config_map_key_ref: Option<ConfigMapKeySelector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectFieldSelector {
    pub(super) field_path: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfigMapKeySelector {
    pub(super) name: String,
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeMount {
    pub(super) name: String,
    #[serde(rename = "mountPath")]
    pub(super) path: String,
    pub(super) sub_path: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    pub(super) exec: Option<ExecAction>,
    pub(super) initial_delay_seconds: Option<u64>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) period_seconds: Option<u64>,
    pub(super) failure_threshold: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ExecAction {
    pub(super) command: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) source: VolumeSource,
}

impl TryFrom<BTreeMap<String, Value>> for Volume {
    type Error = String;

    fn try_from(mut fields: BTreeMap<String, Value>) -> Result<Self, String> {
        let name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let name = name.ok_or("a volume without a name")?;
        let source =
            VolumeSource::deserialize(json!(fields)).map_err(|error| format!("volume {name:?}: {error}"))?;
        Ok(Self { name, source })
    }
}

/// Source of a volume. An unsupported kind is an error that names it.
#[derive(Debug, Deserialize)]
pub(super) enum VolumeSource {
    #[serde(rename = "emptyDir")]
    EmptyDir(serde::de::IgnoredAny),
    #[serde(rename = "downwardAPI")]
    DownwardApi(DownwardApi),
    #[serde(rename = "configMap")]
    ConfigMap(ConfigMap),
    #[serde(rename = "projected")]
    Projected { sources: Vec<ProjectedSource> },
}

#[derive(Debug, Deserialize)]
pub(super) enum ProjectedSource {
    #[serde(rename = "serviceAccountToken")]
    ServiceAccountToken(ServiceAccountToken),
    #[serde(rename = "configMap")]
    ConfigMap(ConfigMap),
    #[serde(rename = "downwardAPI")]
    DownwardApi(DownwardApi),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceAccountToken {
    pub(super) path: String,
    pub(super) audience: Option<String>,
    #[serde(default = "default_expiration_seconds")]
    pub(super) expiration_seconds: u64,
}

const fn default_expiration_seconds() -> u64 {
    3600
}

#[derive(Debug, Deserialize)]
pub(super) struct DownwardApi {
    #[serde(default)]
    pub(super) items: Vec<DownwardApiFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownwardApiFile {
    pub(super) path: String,
    pub(super) field_ref: ObjectFieldSelector,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfigMap {
    pub(super) name: String,
    pub(super) items: Option<Vec<KeyToPath>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyToPath {
    pub(super) key: String,
    pub(super) path: String,
}

impl ConfigMap {
    /// Returns file name and key of each file.
    pub(super) fn files(&self, data: &BTreeMap<String, String>) -> Vec<(String, String)> {
        match &self.items {
            Some(items) => items.iter().map(|item| (item.path.clone(), item.key.clone())).collect(),
            None => data.keys().map(|key| (key.clone(), key.clone())).collect(),
        }
    }
}
