//! The Secret and the configurations in the API.

use base64_simd::STANDARD;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use rolebridge_certs::ca_bundle;
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use super::arguments::ObjectName;
use super::plan::Publication;
use crate::ask::{Refused, ask};

/// Both.
pub(super) struct Objects {
    secrets: Api<Secret>,
    secret: ObjectName,
    configurations: Api<MutatingWebhookConfiguration>,
}

impl Objects {
    pub(super) fn new(client: Client, secret: ObjectName) -> Self {
        let secrets = Api::namespaced(client.clone(), &secret.namespace);
        Self { secrets, secret, configurations: Api::all(client) }
    }

    /// The Secret.
    pub(super) async fn read(&self) -> Result<Secret, String> {
        let found = ask(self.secrets.get_opt(&self.secret.name)).await;
        let found = found.map_err(|error| format!("The Secret {} cannot be read: {error}.", self.secret))?;
        found.ok_or_else(|| {
            format!(
                "There is no Secret {}; the chart makes it, empty, and it is filled when it is there.",
                self.secret
            )
        })
    }

    /// Refused if anybody has written it since it was read.
    pub(super) async fn write(&self, secret: &Secret) -> Result<(), Refused> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        ask(self.secrets.replace(&self.secret.name, &params, secret)).await.map(drop)
    }

    /// Puts CAs into a configuration's entries, and touches nothing else.
    ///
    /// A JSON patch says just that, and with the version that was read it is a conflict if that has changed. Tools that
    /// compare the cluster with what they applied (Argo CD, Flux, Helm) see no difference, since the chart says nothing
    /// of `caBundle`: server-side apply leaves a field to its one owner, and a merge leaves what neither side names. Our
    /// own apply would instead own the entries' names too, and would keep an entry from going with the chart's.
    pub(super) async fn publish(&self, publication: &Publication) -> Result<(), Refused> {
        let ca_bundle = STANDARD.encode_to_string(ca_bundle::pem(&publication.authorities));
        let mut operations =
            vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": publication.version})];
        for (index, name) in &publication.entries {
            let field = |path: &str| format!("/webhooks/{index}/{path}");
            operations.push(json!({"op": "test", "path": field("name"), "value": name}));
            operations.push(json!({"op": "add", "path": field("clientConfig/caBundle"), "value": ca_bundle}));
        }
        let patch = serde_json::from_value(Value::Array(operations)).map(Patch::<()>::Json);
        let patch = patch.map_err(|error| Refused::by_ourselves(&error))?;
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        ask(self.configurations.patch(&publication.configuration, &params, &patch)).await.map(drop)
    }
}
