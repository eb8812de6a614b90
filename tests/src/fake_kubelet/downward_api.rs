//! Downward API: fields of the pod as text.

use serde_json::Value;

use super::Pod;
use crate::error::{Context, Result};

impl Pod {
    /// Returns the text of a field, for example of `metadata.annotations['KEY']`.
    pub(super) fn field(&self, path: &str) -> Result<String> {
        let metadata = &self.manifest["metadata"];
        for map in ["annotations", "labels"] {
            let key = path
                .strip_prefix("metadata.")
                .and_then(|rest| rest.strip_prefix(map))
                .and_then(|rest| rest.strip_prefix("['")?.strip_suffix("']"));
            if let Some(key) = key {
                // In Kubernetes too, a missing key gives an empty file.
                return Ok(metadata[map][key].as_str().unwrap_or_default().to_owned());
            }
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match path {
            "metadata.name" => text(&metadata["name"]),
            "metadata.namespace" => text(&metadata["namespace"]),
            "metadata.uid" => text(&metadata["uid"]),
            "spec.serviceAccountName" => Some(self.spec.service_account_name.clone()),
            "spec.nodeName" => Some("fake-node".to_owned()),
            "status.podIP" | "status.hostIP" => Some("127.0.0.1".to_owned()),
            _ => None,
        }
        .context(format_args!("the fake kubelet does not support the field {path:?}"))
    }
}
