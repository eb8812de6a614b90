//! Keeps a cache in sync with the API server: a paged list, then a watch, for as long as the program runs.

use std::fmt::Debug;
use std::pin::pin;

use futures::StreamExt;
use kube::api::Api;
use kube::core::{ObjectMeta, PartialObjectMeta};
use kube::{Client, Resource};
use kube_runtime::WatchStreamExt;
use kube_runtime::watcher::{Config, Event, watcher};
use rolebridge_inject::ObjectMetadata;
use tracing::{info, warn};

use crate::api_error::error_message;
use crate::metadata::cache::{Cache, MetadataStore};
use crate::metrics::Metrics;
use crate::object_kind::ObjectKind;

/// Objects in one page of a list. A page is held as whole metadata, which managed fields make a few KiB an object.
const PAGE_SIZE: u32 = 250;

/// Updates the cache until the future is dropped. Errors of the API server are logged, counted and retried.
pub async fn run_reflector<K>(client: Client, kind: ObjectKind, cache: &Cache, metrics: &Metrics)
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::all(client);
    let mut events = pin!(watcher(api, Config::default().page_size(PAGE_SIZE)).default_backoff());
    let mut listed = MetadataStore::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed = MetadataStore::default(),
            Ok(Event::InitApply(object)) => put(&mut listed, &object.metadata),
            Ok(Event::InitDone) => {
                cache.replace(std::mem::take(&mut listed));
                let (relevant, irrelevant) = cache.sizes();
                info!(kind = kind.name(), relevant, irrelevant, "all objects listed");
            }
            Ok(Event::Apply(object)) => cache.update(|store| put(store, &object.metadata)),
            Ok(Event::Delete(object)) => cache.update(|store| {
                let (namespace, name) = key(&object.metadata);
                store.remove(namespace, name);
            }),
            Err(error) => {
                metrics.record_watch_error(kind);
                let error = error_message(&error);
                warn!(kind = kind.name(), error, "failed to list or watch objects; retrying");
            }
        }
    }
}

fn put(store: &mut MetadataStore, metadata: &ObjectMeta) {
    let (namespace, name) = key(metadata);
    store.put(namespace, name, strip_irrelevant(metadata));
}

fn key(metadata: &ObjectMeta) -> (&str, &str) {
    (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

/// Returns the part of an object's metadata that affects a decision.
pub(crate) fn strip_irrelevant(metadata: &ObjectMeta) -> ObjectMetadata {
    ObjectMetadata::new(metadata.annotations.iter().flatten(), metadata.labels.iter().flatten())
}
