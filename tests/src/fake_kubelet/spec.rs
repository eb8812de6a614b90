//! The fields of a pod's spec that the stand-in acts on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(default)]
    pub(super) init_containers: Vec<Container>,
    #[serde(default)]
    pub(super) containers: Vec<Container>,
    #[serde(default)]
    pub(super) volumes: Vec<Volume>,
    #[serde(default = "default_service_account")]
    pub(super) service_account_name: String,
}

fn default_service_account() -> String {
    "default".to_owned()
}

impl Spec {
    pub(super) fn containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }
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
    pub(super) env: Vec<Variable>,
    #[serde(default)]
    pub(super) volume_mounts: Vec<Mount>,
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
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
    pub(super) value_from: Option<ValueFrom>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValueFrom {
    pub(super) field_ref: Option<FieldRef>,
    pub(super) config_map_key_ref: Option<KeyRef>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FieldRef {
    pub(super) field_path: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct KeyRef {
    pub(super) name: String,
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount {
    pub(super) name: String,
    #[serde(rename = "mountPath")]
    pub(super) path: String,
    pub(super) sub_path: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    pub(super) exec: Option<Exec>,
    pub(super) initial_delay_seconds: Option<u64>,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) period_seconds: Option<u64>,
    pub(super) failure_threshold: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Exec {
    pub(super) command: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) kind: VolumeKind,
}

impl TryFrom<BTreeMap<String, Value>> for Volume {
    type Error = String;

    fn try_from(mut fields: BTreeMap<String, Value>) -> Result<Self, String> {
        let name = fields.remove("name").and_then(|name| name.as_str().map(str::to_owned));
        let name = name.ok_or("a volume without a name")?;
        let kind =
            VolumeKind::deserialize(json!(fields)).map_err(|error| format!("volume {name:?}: {error}"))?;
        Ok(Self { name, kind })
    }
}

/// A kind that is not here is an error that names it.
#[derive(Debug, Deserialize)]
pub(super) enum VolumeKind {
    #[serde(rename = "emptyDir")]
    Empty(serde::de::IgnoredAny),
    #[serde(rename = "downwardAPI")]
    Downward(Downward),
    #[serde(rename = "configMap")]
    ConfigMap(ConfigMap),
    #[serde(rename = "projected")]
    Projected { sources: Vec<Source> },
}

#[derive(Debug, Deserialize)]
pub(super) enum Source {
    #[serde(rename = "serviceAccountToken")]
    Token(Token),
    #[serde(rename = "configMap")]
    ConfigMap(ConfigMap),
    #[serde(rename = "downwardAPI")]
    Downward(Downward),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub(super) path: String,
    pub(super) audience: Option<String>,
    #[serde(default = "an_hour")]
    pub(super) expiration_seconds: u64,
}

const fn an_hour() -> u64 {
    3600
}

#[derive(Debug, Deserialize)]
pub(super) struct Downward {
    #[serde(default)]
    pub(super) items: Vec<DownwardItem>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownwardItem {
    pub(super) path: String,
    pub(super) field_ref: FieldRef,
}

#[derive(Debug, Deserialize)]
pub(super) struct ConfigMap {
    pub(super) name: String,
    pub(super) items: Option<Vec<Item>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) path: String,
}

impl ConfigMap {
    /// File name and key of each file.
    pub(super) fn files(&self, data: &BTreeMap<String, String>) -> Vec<(String, String)> {
        match &self.items {
            Some(items) => items.iter().map(|item| (item.path.clone(), item.key.clone())).collect(),
            None => data.keys().map(|key| (key.clone(), key.clone())).collect(),
        }
    }
}
