//! What a cluster knows about a pod: the object, its service account, its namespace, the installed defaults.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use rolebridge_inject::Defaults;

use crate::args::{ClusterOptions, InputOptions};
use crate::cluster::{block_on, chart_names, connect, with_timeout};
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::{Manifests, defaults};
use crate::input::object::CLUSTER;
use crate::input::object_ref::ObjectRef;

/// Reads all that decides about one object.
pub(crate) fn fetch(
    target: &ObjectRef,
    input: &InputOptions,
    cluster: &ClusterOptions,
) -> Result<Manifests, CliError> {
    block_on(async {
        let (client, default) = connect(cluster.context.as_deref()).await?;
        let namespace = input.namespace.clone().unwrap_or(default);
        fetch_with(&client, &namespace, target, input, cluster).await
    })
}

/// The same, by a client that is at hand.
pub(crate) async fn fetch_with(
    client: &Client,
    namespace: &str,
    target: &ObjectRef,
    input: &InputOptions,
    cluster: &ClusterOptions,
) -> Result<Manifests, CliError> {
    let reader = Reader { client: client.clone(), namespace: namespace.to_owned() };
    reader.manifests(target, input, cluster).await
}

struct Reader {
    client: Client,
    namespace: String,
}

impl Reader {
    async fn manifests(
        self,
        target: &ObjectRef,
        input: &InputOptions,
        cluster: &ClusterOptions,
    ) -> Result<Manifests, CliError> {
        let resource = resource(target.kind.group, target.kind.name);
        let api = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let what = format!("{} in the namespace {}", target.title(), self.namespace);
        let mut documents = vec![document(&with_timeout(&what, api.get(&target.name)).await?)?];
        documents.extend(self.around(&documents[0]).await?);
        let defaults = match &input.defaults {
            Some(file) => defaults(file)?,
            None => self.defaults(cluster.release_namespace.as_deref()).await?,
        };
        Ok(Manifests::new(documents, defaults, self.namespace))
    }

    /// The service account and the namespace of the pod of an object, as far as there are such.
    async fn around(&self, subject: &Document) -> Result<Vec<Document>, CliError> {
        let mut around = Vec::new();
        for object in subject.objects() {
            let Some(json) = object.pod_as_json()? else { continue };
            let account = object.pod(&json)?.service_account().to_owned();
            let accounts =
                Api::namespaced_with(self.client.clone(), &self.namespace, &resource("", "ServiceAccount"));
            let namespaces = Api::all_with(self.client.clone(), &resource("", "Namespace"));
            let what = format!("ServiceAccount/{account} in the namespace {}", self.namespace);
            around.extend(with_timeout(&what, accounts.get_opt(&account)).await?);
            let what = format!("Namespace/{}", self.namespace);
            around.extend(with_timeout(&what, namespaces.get_opt(&self.namespace)).await?);
        }
        around.iter().map(document).collect()
    }

    /// The defaults of the installed release.
    async fn defaults(&self, namespace: Option<&str>) -> Result<Defaults, CliError> {
        let api: Api<ConfigMap> = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let place =
            namespace.map_or("the cluster".to_owned(), |namespace| format!("the namespace {namespace}"));
        let what = format!(
            "the ConfigMaps of {place} (--release-namespace asks in one namespace alone, --defaults FILE not at all)"
        );
        let list =
            with_timeout(&what, api.list(&ListParams::default().labels(chart_names::SELECTOR))).await?;
        let of_chart = list.items.iter().filter(|map| chart_names::release_of(map).is_some());
        let found: Vec<_> = of_chart.filter_map(chart_names::document).collect();
        match found[..] {
            [text] => Defaults::from_yaml(text).map_err(|error| CliError::Cluster(error.to_string())),
            _ => Err(CliError::AmbiguousDefaults { place, count: found.len() }),
        }
    }
}

fn resource(group: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))
}

/// An object as if it had been read from a file.
fn document(object: &DynamicObject) -> Result<Document, CliError> {
    let format = |error: serde_json::Error| CliError::Format(error.to_string());
    let text = serde_json::to_string(object).map_err(format)?;
    let root = serde_json::from_str(&text).map_err(format)?;
    Ok(Document { place: CLUSTER.to_owned(), text, root })
}
