//! Cache of the metadata of service accounts or namespaces, reduced to what affects a decision.
//!
//! Ten thousand objects must fit into a few MiB, so this is not kube's store of whole objects. Most service accounts
//! carry no relevant metadata: only a hash of their name is kept, which distinguishes them from objects that the watch
//! has not delivered yet.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rolebridge_inject::ObjectMetadata;

/// Result of a cache lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheLookup {
    /// The watch has not delivered the object: it does not exist, or is very new.
    Miss,
    /// The object exists and has this metadata.
    Hit(Arc<ObjectMetadata>),
}

/// Objects of one kind by namespace and name. The namespace is empty for cluster-scoped kinds.
#[derive(Debug, Default)]
pub struct MetadataStore {
    relevant: HashMap<Box<str>, HashMap<Box<str>, Arc<ObjectMetadata>>>,
    irrelevant: HashSet<u64>,
    hasher: RandomState,
}

impl MetadataStore {
    /// Adds or replaces an object.
    pub fn put(&mut self, namespace: &str, name: &str, metadata: ObjectMetadata) {
        self.remove(namespace, name);
        if metadata == ObjectMetadata::default() {
            self.irrelevant.insert(self.hash(namespace, name));
        } else {
            let names = self.relevant.entry(namespace.into()).or_default();
            names.insert(name.into(), Arc::new(metadata));
        }
    }

    /// Removes all objects except those with these hashes.
    fn retain(&mut self, hashes: &HashSet<u64>) {
        self.irrelevant.retain(|hash| hashes.contains(hash));
        for (namespace, names) in &mut self.relevant {
            names.retain(|name, _| hashes.contains(&self.hasher.hash_one((&**namespace, &**name))));
        }
        self.relevant.retain(|_, names| !names.is_empty());
    }

    /// Removes an object.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        self.irrelevant.remove(&self.hash(namespace, name));
        if let Some(names) = self.relevant.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                self.relevant.remove(namespace);
            }
        }
    }

    fn find(&self, namespace: &str, name: &str) -> CacheLookup {
        if let Some(metadata) = self.relevant.get(namespace).and_then(|names| names.get(name)) {
            return CacheLookup::Hit(Arc::clone(metadata));
        }
        let irrelevant = self.irrelevant.contains(&self.hash(namespace, name));
        if irrelevant { CacheLookup::Hit(Arc::default()) } else { CacheLookup::Miss }
    }

    /// Returns the hash that represents an object's name in this store.
    #[must_use]
    pub fn hash(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

/// Objects of one kind, and whether all of them have been listed once.
#[derive(Debug, Default)]
pub struct Cache {
    store: RwLock<MetadataStore>,
    synced: AtomicBool,
}

impl Cache {
    /// Looks an object up.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> CacheLookup {
        self.read().find(namespace, name)
    }

    /// Changes the objects.
    pub fn update(&self, change: impl FnOnce(&mut MetadataStore)) {
        change(&mut self.write());
    }

    /// Replaces all objects with a complete list.
    pub fn replace(&self, store: MetadataStore) {
        let old = mem::replace(&mut *self.write(), store);
        self.synced.store(true, Ordering::Release);
        drop(old);
    }

    /// Ends a list, of which all objects have been added: removes all others. `listed` has the hash of each.
    pub fn complete_list(&self, listed: &HashSet<u64>) {
        self.write().retain(listed);
        self.synced.store(true, Ordering::Release);
    }

    /// Returns whether all objects have been listed once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// Returns the numbers of objects with and without relevant metadata.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let store = self.read();
        (store.relevant.values().map(HashMap::len).sum(), store.irrelevant.len())
    }

    fn read(&self) -> RwLockReadGuard<'_, MetadataStore> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, MetadataStore> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rolebridge_core::annotations::PROJECT;

    use super::*;

    fn with_project(project: &str) -> ObjectMetadata {
        ObjectMetadata::new([(PROJECT, project)], [])
    }

    #[test]
    fn find_returns_the_latest_update() {
        let cache = Cache::default();
        let hit = |project| CacheLookup::Hit(Arc::new(with_project(project)));
        let irrelevant = CacheLookup::Hit(Arc::default());
        let find = |name| cache.find("shop", name);
        assert_eq!(find("batch"), CacheLookup::Miss);
        cache.update(|store| store.put("shop", "batch", ObjectMetadata::default()));
        assert_eq!((find("batch"), cache.sizes()), (irrelevant.clone(), (0, 1)));
        cache.update(|store| store.put("shop", "batch", with_project("a")));
        assert_eq!((find("batch"), cache.sizes()), (hit("a"), (1, 0)));
        cache.update(|store| store.put("shop", "batch", with_project("b")));
        assert_eq!((find("batch"), cache.sizes()), (hit("b"), (1, 0)));
        cache.update(|store| store.put("shop", "batch", ObjectMetadata::default()));
        assert_eq!((find("batch"), cache.sizes()), (irrelevant, (0, 1)));
        cache.update(|store| store.remove("shop", "batch"));
        assert_eq!((find("batch"), cache.sizes()), (CacheLookup::Miss, (0, 0)));
    }

    #[test]
    fn complete_list_removes_objects_that_are_not_listed() {
        let cache = Cache::default();
        let mut listed = HashSet::new();
        cache.update(|store| {
            for (name, metadata) in [("a", with_project("a")), ("b", ObjectMetadata::default())] {
                for namespace in ["kept", "gone"] {
                    store.put(namespace, name, metadata.clone());
                }
                listed.insert(store.hash("kept", name));
            }
        });
        assert_eq!((cache.sizes(), cache.is_synced()), ((2, 2), false));
        cache.complete_list(&listed);
        assert_eq!((cache.sizes(), cache.is_synced()), ((1, 1), true));
        for name in ["a", "b"] {
            assert_ne!(cache.find("kept", name), CacheLookup::Miss);
            assert_eq!(cache.find("gone", name), CacheLookup::Miss);
        }
    }

    #[test]
    fn replace_removes_objects_that_are_not_listed() {
        let cache = Cache::default();
        cache.update(|store| store.put("shop", "gone", with_project("a")));
        assert!(!cache.is_synced());
        let mut store = MetadataStore::default();
        store.put("shop", "new", with_project("b"));
        cache.replace(store);
        assert!(cache.is_synced());
        assert_eq!(cache.find("shop", "gone"), CacheLookup::Miss);
        assert_ne!(cache.find("shop", "new"), CacheLookup::Miss);
        assert_eq!(cache.find("sho", "pnew"), CacheLookup::Miss);
    }
}
