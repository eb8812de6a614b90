//! Lists, a page at a time: a cluster may hold 100,000 pods.

use kube::Client;
use kube::api::{Api, ListParams, ObjectMeta, PartialObjectMeta, Request, Resource};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::with_timeout;
use crate::error::CliError;

/// As kubectl asks for them.
const SIZE: u32 = 500;

/// The metadata of every object that an API has, handed over a page at a time.
pub(crate) async fn metadata<K>(
    what: &str,
    api: &Api<K>,
    mut each: impl FnMut(Vec<ObjectMeta>),
) -> Result<(), CliError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut params = ListParams::default().limit(SIZE);
    loop {
        let page = with_timeout(what, api.list_metadata(&params)).await?;
        let metadata = |object: PartialObjectMeta<K>| object.metadata;
        each(page.items.into_iter().map(metadata).collect());
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// A page whose objects nobody has read yet: the webhook's engine reads them in its own way.
#[derive(Deserialize)]
struct Page {
    metadata: PageMetadata,
    items: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct PageMetadata {
    #[serde(rename = "continue")]
    token: Option<String>,
}

/// Every pod of a namespace as the JSON that it is, handed over a page at a time.
pub(crate) async fn pods(
    client: &Client,
    namespace: &str,
    mut each: impl FnMut(Vec<Box<RawValue>>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let what = format!("the pods of the namespace {namespace}");
    let path = k8s_openapi::api::core::v1::Pod::url_path(&(), Some(namespace));
    let mut params = ListParams::default().limit(SIZE);
    loop {
        let request =
            Request::new(&path).list(&params).map_err(|error| CliError::Cluster(error.to_string()))?;
        let page: Page = with_timeout(&what, client.request(request)).await?;
        each(page.items)?;
        match page.metadata.token.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}
