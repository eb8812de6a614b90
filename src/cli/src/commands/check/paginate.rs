//! Lists objects page by page, because a cluster may have 100,000 pods.

use kube::Client;
use kube::api::{Api, ListParams, ObjectMeta, PartialObjectMeta, Request, Resource};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::with_timeout;
use crate::error::CliError;

/// The number of objects in a page, as in kubectl.
const PAGE_SIZE: u32 = 500;

/// Lists the metadata of all objects of an API and passes each page to `on_page`.
///
/// # Errors
///
/// Returns an error that begins with `subject` if a request fails.
pub(crate) async fn list_metadata<K>(
    subject: &str,
    api: &Api<K>,
    mut on_page: impl FnMut(Vec<ObjectMeta>),
) -> Result<(), CliError>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let mut params = ListParams::default().limit(PAGE_SIZE);
    loop {
        let page = with_timeout(subject, api.list_metadata(&params)).await?;
        let metadata = |object: PartialObjectMeta<K>| object.metadata;
        on_page(page.items.into_iter().map(metadata).collect());
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}

/// A page of unparsed objects, because the webhook's engine parses them with its own types.
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

/// Lists the pods of a namespace as JSON and passes each page to `on_page`.
///
/// # Errors
///
/// Returns an error if a request fails, or the error of `on_page`.
pub(crate) async fn list_pods(
    client: &Client,
    namespace: &str,
    mut on_page: impl FnMut(Vec<Box<RawValue>>) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let subject = format!("the pods of the namespace {namespace}");
    let path = k8s_openapi::api::core::v1::Pod::url_path(&(), Some(namespace));
    let mut params = ListParams::default().limit(PAGE_SIZE);
    loop {
        let request =
            Request::new(&path).list(&params).map_err(|error| CliError::Cluster(error.to_string()))?;
        let page: Page = with_timeout(&subject, client.request(request)).await?;
        on_page(page.items)?;
        match page.metadata.token.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(()),
        }
    }
}
