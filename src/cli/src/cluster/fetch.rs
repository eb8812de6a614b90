//! Fetches an object with its service account, its namespace and the installed defaults.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{LimitRange, ResourceQuota};
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::admission::env_references;
use crate::cluster::pod_release::{PodLabels, ReleaseDefaults, fetch_defaults};
use crate::cluster::scope::Labels;
use crate::cluster::{block_on, connect, env_keys, with_timeout};
use crate::error::CliError;
use crate::input::document::Document;
use crate::input::manifests::{Manifests, read_defaults};
use crate::input::object::CLUSTER;
use crate::input::object_pod::ObjectPod;
use crate::input::object_ref::ObjectRef;
use crate::input::ordered_value::OrderedValue;
use crate::options::{ClusterOptions, InputOptions, KubectlOptions};

/// Connects to the cluster and fetches everything that decides about one object.
///
/// # Errors
///
/// Returns an error if a request fails, or if no release, or more than one, selects the pod.
pub(crate) fn fetch(
    target: &ObjectRef,
    input: &InputOptions,
    cluster: &ClusterOptions,
    kubectl: &KubectlOptions,
) -> Result<Manifests, CliError> {
    block_on(async {
        let (client, namespace) = connect(kubectl).await?;
        fetch_with(&client, &namespace, target, input, cluster).await
    })
}

/// Like [`fetch`], with an existing client.
pub(crate) async fn fetch_with(
    client: &Client,
    namespace: &str,
    target: &ObjectRef,
    input: &InputOptions,
    cluster: &ClusterOptions,
) -> Result<Manifests, CliError> {
    let fetcher = Fetcher { client: client.clone(), namespace: namespace.to_owned() };
    fetcher.manifests(target, input, cluster).await
}

struct Fetcher {
    client: Client,
    namespace: String,
}

impl Fetcher {
    async fn manifests(
        self,
        target: &ObjectRef,
        input: &InputOptions,
        cluster: &ClusterOptions,
    ) -> Result<Manifests, CliError> {
        let resource = resource(target.kind.group, target.kind.name);
        let api = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        let subject = format!("{} in the namespace {}", target.title(), self.namespace);
        let mut documents = vec![to_document(&with_timeout(&subject, api.get(&target.name)).await?)?];
        documents.extend(self.account_and_namespace(&documents[0]).await?);
        let ReleaseDefaults { defaults, not_selected } = if let Some(file) = &input.defaults {
            ReleaseDefaults { defaults: read_defaults(file)?, not_selected: None }
        } else {
            let pod = self.pod_labels(&documents, target);
            fetch_defaults(&self.client, cluster.release_namespace.as_deref(), &pod).await?
        };
        let mut manifests = Manifests::new(documents, defaults, self.namespace.clone());
        manifests.not_selected = not_selected;
        let object = &manifests.documents[0].objects()[0];
        for reference in env_references(&manifests, object)? {
            let keys = env_keys::fetch(&self.client, &self.namespace, &reference).await;
            manifests.env_objects.insert(reference.kind, &self.namespace, &reference.name, keys);
        }
        let limits =
            [self.list::<LimitRange>("LimitRange").await, self.list::<ResourceQuota>("ResourceQuota").await];
        for limits in limits {
            match limits {
                Ok((kind, objects)) => {
                    for object in objects {
                        manifests.add_limit(&self.namespace, kind, object);
                    }
                }
                Err(error) => manifests.unknown_limits = Some(error.into_message()),
            }
        }
        Ok(manifests)
    }

    /// Returns the labels of the object's pod and of its namespace. Controllers add labels to a pod that its template lacks.
    fn pod_labels(&self, documents: &[Document], target: &ObjectRef) -> PodLabels<'_> {
        let labels = |kind: &str, path: &[&str]| {
            let objects = documents.iter().flat_map(Document::objects);
            let object = objects.into_iter().find(|object| object.kind() == kind);
            object.map(|object| labels_of(object.root.find(path))).unwrap_or_default()
        };
        PodLabels {
            namespace: &self.namespace,
            namespace_labels: labels("Namespace", &["metadata", "labels"]),
            labels: labels(target.kind.name, &[target.kind.pod_path, &["metadata", "labels"]].concat()),
        }
    }

    /// Lists the objects of a kind in the namespace.
    async fn list<K>(&self, kind: &'static str) -> Result<(&'static str, Vec<Value>), CliError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned
            + Serialize,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        let subject = format!("the {kind}s of the namespace {}", self.namespace);
        let list = with_timeout(&subject, api.list(&ListParams::default())).await?;
        let values = list.items.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok((kind, values.map_err(|error| CliError::Format(error.to_string()))?))
    }

    /// Fetches the pod's service account and namespace, if they exist.
    async fn account_and_namespace(&self, document: &Document) -> Result<Vec<Document>, CliError> {
        let mut objects = Vec::new();
        for object in document.objects() {
            let Some(pod) = ObjectPod::all(&object)?.pods.into_iter().next() else { continue };
            let account = pod.parse()?.service_account().to_owned();
            let accounts =
                Api::namespaced_with(self.client.clone(), &self.namespace, &resource("", "ServiceAccount"));
            let namespaces = Api::all_with(self.client.clone(), &resource("", "Namespace"));
            let subject = format!("ServiceAccount/{account} in the namespace {}", self.namespace);
            objects.extend(with_timeout(&subject, accounts.get_opt(&account)).await?);
            let subject = format!("Namespace/{}", self.namespace);
            objects.extend(with_timeout(&subject, namespaces.get_opt(&self.namespace)).await?);
        }
        objects.iter().map(to_document).collect()
    }
}

/// Returns the labels of a map.
fn labels_of(map: Option<&OrderedValue>) -> Labels {
    let fields = map.map(OrderedValue::fields).unwrap_or_default();
    fields.iter().filter_map(|(key, value)| Some((key.clone(), value.text(&[])?.to_owned()))).collect()
}

fn resource(group: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind))
}

/// Converts an object to the document that a file with it would have.
fn to_document(object: &DynamicObject) -> Result<Document, CliError> {
    let format_error = |error: serde_json::Error| CliError::Format(error.to_string());
    let text = serde_json::to_string(object).map_err(format_error)?;
    let root = serde_json::from_str(&text).map_err(format_error)?;
    Ok(Document { location: CLUSTER.to_owned(), text, root })
}
