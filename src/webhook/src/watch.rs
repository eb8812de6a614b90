//! Keeps a cache as the API server tells: a paged list, then a watch, for as long as the program runs.

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

use crate::cache::{Cache, Objects};
use crate::cause::cause;
use crate::lookup::Kind;
use crate::metrics::Metrics;

/// A page is held as whole metadata while it is trimmed; managed fields make that a few KiB an object.
const PAGE: u32 = 250;

/// Keeps the cache until the future is dropped. Faults of the API server are logged, counted and waited out.
pub async fn follow<K>(client: Client, kind: Kind, cache: &Cache, metrics: &Metrics)
where
    K: Resource<DynamicType = ()> + Clone + Debug + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = Api::all(client);
    let mut events = pin!(watcher(api, Config::default().page_size(PAGE)).default_backoff());
    let mut listed = Objects::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => listed = Objects::default(),
            Ok(Event::InitApply(object)) => put(&mut listed, &object.metadata),
            Ok(Event::InitDone) => {
                cache.replace(std::mem::take(&mut listed));
                let (telling, silent) = cache.sizes();
                info!(kind = kind.name(), telling, silent, "all have been listed");
            }
            Ok(Event::Apply(object)) => cache.update(|objects| put(objects, &object.metadata)),
            Ok(Event::Delete(object)) => cache.update(|objects| {
                let (namespace, name) = key(&object.metadata);
                objects.remove(namespace, name);
            }),
            Err(error) => {
                metrics.watch_fault(kind);
                let error = cause(&error);
                warn!(kind = kind.name(), error, "cannot list or watch them; trying again");
            }
        }
    }
}

fn put(objects: &mut Objects, metadata: &ObjectMeta) {
    let (namespace, name) = key(metadata);
    objects.put(namespace, name, trimmed(metadata));
}

fn key(metadata: &ObjectMeta) -> (&str, &str) {
    (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

/// What decides something of an object's metadata.
pub(crate) fn trimmed(metadata: &ObjectMeta) -> ObjectMetadata {
    ObjectMetadata::new(metadata.annotations.iter().flatten(), metadata.labels.iter().flatten())
}
