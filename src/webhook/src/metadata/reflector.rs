//! Keeps a cache in sync with the API server.
//!
//! A list changes the cache page by page, and at its end removes the objects that it did not contain. So a repeated list
//! does not need a second cache, only a set of hashes.

use std::collections::HashSet;

use kube::{Client, Resource};
use tracing::info;

use crate::list_watch::object::WatchedObject;
use crate::list_watch::progress::WatchedKind;
use crate::list_watch::{ListWatch, Sink};
use crate::metadata::cache::{Cache, MetadataStore};
use crate::metrics::Metrics;
use crate::object_kind::ObjectKind;

/// Updates the cache until the future is dropped. Errors of the API server are logged, counted and retried.
pub async fn run_reflector<K>(client: Client, kind: ObjectKind, cache: &Cache, metrics: &Metrics)
where
    K: Resource<DynamicType = ()>,
{
    let progress = metrics.watches().register(match kind {
        ObjectKind::ServiceAccount => WatchedKind::ServiceAccount,
        ObjectKind::Namespace => WatchedKind::Namespace,
    });
    let mut sink = CacheSink { kind, cache, listed: HashSet::new() };
    ListWatch::all::<K>(client).run(&mut sink, &progress).await;
}

struct CacheSink<'a> {
    kind: ObjectKind,
    cache: &'a Cache,
    /// Hashes of the objects that the current list contains.
    listed: HashSet<u64>,
}

impl Sink for CacheSink<'_> {
    fn list_started(&mut self) {
        self.listed = HashSet::new();
    }

    fn page_listed(&mut self, objects: Vec<WatchedObject>) {
        self.cache.update(|store| {
            for object in objects {
                let (namespace, name) = key(&object);
                self.listed.insert(store.hash(namespace, name));
                put(store, object);
            }
        });
    }

    fn list_completed(&mut self) {
        self.cache.complete_list(&std::mem::take(&mut self.listed));
        let (relevant, irrelevant) = self.cache.sizes();
        info!(kind = self.kind.name(), relevant, irrelevant, "all objects listed");
    }

    fn changed(&mut self, object: WatchedObject) {
        self.cache.update(|store| put(store, object));
    }

    fn deleted(&mut self, object: WatchedObject) {
        let (namespace, name) = key(&object);
        self.cache.update(|store| store.remove(namespace, name));
    }
}

fn put(store: &mut MetadataStore, mut object: WatchedObject) {
    let metadata = object.metadata.take_relevant();
    let (namespace, name) = key(&object);
    store.put(namespace, name, metadata);
}

fn key(object: &WatchedObject) -> (&str, &str) {
    (object.metadata.namespace.as_deref().unwrap_or_default(), &object.metadata.name)
}
