//! What the watches have told about service accounts or namespaces, trimmed to what decides something.
//!
//! Ten thousand objects must fit into a few MiB, so this is not kube's store of whole objects. Most service accounts
//! say nothing of interest: of those a hash is kept, to tell them from one that the watch has not brought yet.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rolebridge_inject::ObjectMetadata;

/// What is known about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// The watch has not brought it: it does not exist, or not for long.
    Unseen,
    /// It exists, with this to say.
    Seen(Arc<ObjectMetadata>),
}

/// Objects of one kind by namespace and name; of a kind without namespaces, the namespace is empty.
#[derive(Debug, Default)]
pub struct Objects {
    telling: HashMap<Box<str>, HashMap<Box<str>, Arc<ObjectMetadata>>>,
    silent: HashSet<u64>,
    hasher: RandomState,
}

impl Objects {
    /// Adds or replaces an object.
    pub fn put(&mut self, namespace: &str, name: &str, metadata: ObjectMetadata) {
        self.remove(namespace, name);
        if metadata == ObjectMetadata::default() {
            self.silent.insert(self.hash(namespace, name));
        } else {
            let names = self.telling.entry(namespace.into()).or_default();
            names.insert(name.into(), Arc::new(metadata));
        }
    }

    /// Removes an object.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        self.silent.remove(&self.hash(namespace, name));
        if let Some(names) = self.telling.get_mut(namespace) {
            names.remove(name);
            if names.is_empty() {
                self.telling.remove(namespace);
            }
        }
    }

    fn find(&self, namespace: &str, name: &str) -> Sight {
        if let Some(metadata) = self.telling.get(namespace).and_then(|names| names.get(name)) {
            return Sight::Seen(Arc::clone(metadata));
        }
        let silent = self.silent.contains(&self.hash(namespace, name));
        if silent { Sight::Seen(Arc::default()) } else { Sight::Unseen }
    }

    fn hash(&self, namespace: &str, name: &str) -> u64 {
        self.hasher.hash_one((namespace, name))
    }
}

/// The objects of one kind, and whether they have all been listed once.
#[derive(Debug, Default)]
pub struct Cache {
    objects: RwLock<Objects>,
    synced: AtomicBool,
}

impl Cache {
    /// What is known about an object.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> Sight {
        self.read().find(namespace, name)
    }

    /// Changes the objects.
    pub fn update(&self, change: impl FnOnce(&mut Objects)) {
        change(&mut self.write());
    }

    /// Takes these for all there are.
    pub fn replace(&self, objects: Objects) {
        let old = mem::replace(&mut *self.write(), objects);
        self.synced.store(true, Ordering::Release);
        drop(old);
    }

    /// Whether all objects have been listed once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// How many objects say something of interest, and how many do not.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let objects = self.read();
        (objects.telling.values().map(HashMap::len).sum(), objects.silent.len())
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rolebridge_core::annotations::PROJECT;

    use super::*;

    fn of_project(project: &str) -> ObjectMetadata {
        ObjectMetadata::new([(PROJECT, project)], [])
    }

    #[test]
    fn an_object_is_as_it_was_told_last() {
        let cache = Cache::default();
        let seen = |project| Sight::Seen(Arc::new(of_project(project)));
        let silent = Sight::Seen(Arc::default());
        let now = |name| cache.find("shop", name);
        assert_eq!(now("batch"), Sight::Unseen);
        cache.update(|objects| objects.put("shop", "batch", ObjectMetadata::default()));
        assert_eq!((now("batch"), cache.sizes()), (silent.clone(), (0, 1)));
        cache.update(|objects| objects.put("shop", "batch", of_project("a")));
        assert_eq!((now("batch"), cache.sizes()), (seen("a"), (1, 0)));
        cache.update(|objects| objects.put("shop", "batch", of_project("b")));
        assert_eq!((now("batch"), cache.sizes()), (seen("b"), (1, 0)));
        cache.update(|objects| objects.put("shop", "batch", ObjectMetadata::default()));
        assert_eq!((now("batch"), cache.sizes()), (silent, (0, 1)));
        cache.update(|objects| objects.remove("shop", "batch"));
        assert_eq!((now("batch"), cache.sizes()), (Sight::Unseen, (0, 0)));
    }

    #[test]
    fn a_list_replaces_everything() {
        let cache = Cache::default();
        cache.update(|objects| objects.put("shop", "gone", of_project("a")));
        assert!(!cache.is_synced());
        let mut objects = Objects::default();
        objects.put("shop", "new", of_project("b"));
        cache.replace(objects);
        assert!(cache.is_synced());
        assert_eq!(cache.find("shop", "gone"), Sight::Unseen);
        assert_ne!(cache.find("shop", "new"), Sight::Unseen);
        assert_eq!(cache.find("sho", "pnew"), Sight::Unseen);
    }
}
