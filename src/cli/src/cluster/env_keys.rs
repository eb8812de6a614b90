//! Fetches the keys of a `ConfigMap` or a Secret from which a container gets variables.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, GetParams};
use kube::core::Request;
use kube::{Client, Resource};
use rolebridge_inject::env_from::{Keys, ObjectKind};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::admission::EnvReference;
use crate::cluster::with_timeout;
use crate::error::CliError;

/// Fetches the keys of an object.
///
/// # Errors
///
/// Returns the reason in a few words if they are unknown, or an empty one for an object that need not exist.
pub(super) async fn fetch(
    client: &Client,
    namespace: &str,
    reference: &EnvReference,
) -> Result<Keys, String> {
    /// The values of a Secret are never kept.
    #[derive(Deserialize)]
    struct Data<V> {
        data: Option<BTreeMap<String, V>>,
    }
    let name = &reference.name;
    let keys = match reference.kind {
        ObjectKind::ConfigMap => get::<ConfigMap, Data<String>>(client, namespace, name).await.map(|found| {
            found.map(|map| map.data.into_iter().flatten().map(|(key, value)| (key, Some(value))).collect())
        }),
        ObjectKind::Secret => get::<Secret, Data<IgnoredAny>>(client, namespace, name).await.map(|found| {
            found.map(|secret| secret.data.into_iter().flatten().map(|(key, _)| (key, None)).collect())
        }),
    };
    match keys {
        Ok(Some(keys)) => Ok(keys),
        Ok(None) if reference.optional => Err(String::new()),
        Ok(None) => Err("not found in the cluster".to_owned()),
        Err(error) => Err(format!("not readable ({})", error.into_message())),
    }
}

/// Fetches a part of an object. Returns `None` if there is no such object.
async fn get<K, T>(client: &Client, namespace: &str, name: &str) -> Result<Option<T>, CliError>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    K::DynamicType: Default,
    T: DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let subject = format!("{}/{name} in the namespace {namespace}", K::kind(&K::DynamicType::default()));
    let request = Request::new(api.resource_url()).get(name, &GetParams::default());
    let request = request.map_err(|error| CliError::Cluster(format!("{subject}: {error}")))?;
    let response = async {
        match client.request::<T>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    };
    with_timeout(&subject, response).await
}
