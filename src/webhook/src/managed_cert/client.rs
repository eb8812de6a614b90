//! Reads and writes the Secret, and writes the webhook configurations.

use base64_simd::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rolebridge_certs::ca_bundle;
use serde_json::{Value, json};

use super::plan::Publication;
use super::settings::ObjectName;
use crate::api_call::{BACKGROUND_TIMEOUT, call_with_timeout};
use crate::api_error::ApiError;

/// Field manager of all writes.
pub(super) const FIELD_MANAGER: &str = "rolebridge-webhook";

/// Client for the Secret and the webhook configurations.
pub(super) struct ManagedObjects {
    secrets: Api<Secret>,
    secret: ObjectName,
    configs: Api<MutatingWebhookConfiguration>,
}

impl ManagedObjects {
    pub(super) fn new(client: Client, secret: ObjectName) -> Self {
        let secrets = Api::namespaced(client.clone(), &secret.namespace);
        Self { secrets, secret, configs: Api::all(client) }
    }

    /// Reads the Secret.
    pub(super) async fn read_secret(&self) -> Result<Secret, String> {
        let secret = call_with_timeout(BACKGROUND_TIMEOUT, self.secrets.get_opt(&self.secret.name)).await;
        let secret = secret.map_err(|error| format!("failed to read Secret {}: {error}", self.secret))?;
        secret.ok_or_else(|| {
            format!(
                "Secret {} not found: the chart creates it empty, and the webhook then fills it",
                self.secret
            )
        })
    }

    /// Writes the Secret. Fails with a conflict if it has changed since it was read.
    pub(super) async fn write_secret(&self, secret: &Secret) -> Result<(), ApiError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let call = self.secrets.replace(&self.secret.name, &params, secret);
        call_with_timeout(BACKGROUND_TIMEOUT, call).await.map(drop)
    }

    /// Sets the CAs in a configuration's entries, and changes nothing else.
    ///
    /// A JSON Patch sets only these fields, and its `replace` of the resource version fails with a conflict if the
    /// configuration has changed. Tools that compare the cluster with what they applied (Argo CD, Flux, Helm) see no
    /// difference, because the chart does not set `caBundle`. Server-side apply leaves a field to its owner, and a merge
    /// leaves fields that neither side sets. Server-side apply by the webhook would also own the entries' names, and keep
    /// an entry that the chart removes.
    pub(super) async fn publish(&self, publication: &Publication) -> Result<(), ApiError> {
        let ca_bundle = STANDARD.encode_to_string(ca_bundle::pem(&publication.cas));
        let mut operations =
            vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": publication.version})];
        for (index, name) in &publication.entries {
            let field = |path: &str| format!("/webhooks/{index}/{path}");
            operations.push(json!({"op": "test", "path": field("name"), "value": name}));
            operations.push(json!({"op": "add", "path": field("clientConfig/caBundle"), "value": ca_bundle}));
        }
        let patch = serde_json::from_value(Value::Array(operations)).map(Patch::<()>::Json);
        let patch = patch.map_err(ApiError::without_response)?;
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let call = self.configs.patch(&publication.config, &params, &patch);
        call_with_timeout(BACKGROUND_TIMEOUT, call).await.map(drop)
    }
}
