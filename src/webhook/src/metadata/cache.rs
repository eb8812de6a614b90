//! Cache of the metadata of service accounts or namespaces, reduced to what affects a decision.
//!
//! Ten thousand objects must fit into a few MiB, so this is not kube's store of whole objects. Most service accounts
//! carry no relevant metadata: only a hash of their name is kept, which distinguishes them from objects that the watch
//! has not delivered yet.
//!
//! Anyone who may create service accounts could fill the memory, and a restart would not help. So the metadata has a limit
//! for each object ([`rolebridge_inject::MAX_SETTINGS_BYTES`]) and one for all together, such as [`MAX_STORE_BYTES`]. Above the
//! latter, objects of the namespace with the most bytes are not cached. They are read live, which takes turns of that
//! namespace only.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rolebridge_inject::ObjectMetadata;
use tracing::warn;

/// Maximum size of the metadata of service accounts. A hundred thousand accounts with a role and a project need 32 MiB, which
/// is 36 MiB of resident memory.
pub const MAX_STORE_BYTES: usize = 40 << 20;

/// Maximum size of the metadata of namespaces. Twenty thousand with a provider and a region need 8 MiB.
pub const MAX_NAMESPACE_STORE_BYTES: usize = 8 << 20;

/// Approximate size of an object in addition to its name and metadata: its places in the maps and the allocator's own.
const OBJECT_OVERHEAD: usize = 128;

/// Result of a cache lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheLookup {
    /// The watch has not delivered the object: it does not exist, or is very new.
    Miss,
    /// The object exists and has this metadata.
    Hit(Arc<ObjectMetadata>),
}

/// Objects of one kind by namespace and name. The namespace is empty for cluster-scoped kinds.
#[derive(Debug)]
pub struct MetadataStore {
    /// Maximum of `bytes`.
    limit: usize,
    relevant: HashMap<Box<str>, NamespaceObjects>,
    irrelevant: HashSet<u64>,
    hasher: RandomState,
    /// Size of all objects in `relevant`.
    bytes: usize,
    /// True if objects were left out because of the limit, until there is room again.
    is_full: bool,
}

/// Objects with relevant metadata in one namespace, by name.
#[derive(Debug, Default)]
struct NamespaceObjects {
    objects: HashMap<Box<str>, Arc<ObjectMetadata>>,
    /// Size of all objects.
    bytes: usize,
}

impl Default for MetadataStore {
    fn default() -> Self {
        Self::with_limit(MAX_STORE_BYTES)
    }
}

impl MetadataStore {
    /// Creates an empty store for this many bytes of metadata.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            relevant: HashMap::new(),
            irrelevant: HashSet::new(),
            hasher: RandomState::new(),
            bytes: 0,
            is_full: false,
        }
    }

    /// Adds or replaces an object.
    pub fn put(&mut self, namespace: &str, name: &str, metadata: ObjectMetadata) {
        self.remove(namespace, name);
        if metadata == ObjectMetadata::default() {
            self.irrelevant.insert(self.hash(namespace, name));
        } else {
            let bytes = object_bytes(name, &metadata);
            let objects = self.relevant.entry(namespace.into()).or_default();
            objects.objects.insert(name.into(), Arc::new(metadata));
            objects.bytes += bytes;
            self.bytes += bytes;
            self.enforce_limit(name);
        }
    }

    /// Removes objects of the namespaces with the most bytes while all together are too large. The latest object is
    /// removed first, so that a long list does not replace one object after another.
    fn enforce_limit(&mut self, latest: &str) {
        while self.bytes > self.limit {
            let largest = self.relevant.iter().max_by_key(|(_, objects)| objects.bytes);
            let Some((namespace, objects)) = largest else { return };
            let name = objects.objects.get_key_value(latest).or_else(|| objects.objects.iter().next());
            let Some((name, _)) = name else { return };
            let (namespace, name) = (namespace.clone(), name.clone());
            if !mem::replace(&mut self.is_full, true) {
                warn!(%namespace, %name, bytes = self.bytes, "too much metadata; more objects of this namespace are not cached");
            }
            self.remove(&namespace, &name);
        }
    }

    /// Removes all objects except those with these hashes.
    fn retain(&mut self, hashes: &HashSet<u64>) {
        self.irrelevant.retain(|hash| hashes.contains(hash));
        for (namespace, objects) in &mut self.relevant {
            let removed = objects
                .objects
                .extract_if(|name, _| !hashes.contains(&self.hasher.hash_one((&**namespace, &**name))));
            let bytes = removed.map(|(name, metadata)| object_bytes(&name, &metadata)).sum::<usize>();
            objects.bytes -= bytes;
            self.bytes -= bytes;
        }
        self.relevant.retain(|_, objects| !objects.objects.is_empty());
        self.notice_room();
    }

    /// Ends the state of a full store once a tenth is free. Without this margin, a store at its limit would log a warning for
    /// each object.
    const fn notice_room(&mut self) {
        if self.bytes < self.limit / 10 * 9 {
            self.is_full = false;
        }
    }

    /// Removes an object.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        self.irrelevant.remove(&self.hash(namespace, name));
        let Some(objects) = self.relevant.get_mut(namespace) else { return };
        if let Some(metadata) = objects.objects.remove(name) {
            let bytes = object_bytes(name, &metadata);
            objects.bytes -= bytes;
            self.bytes -= bytes;
        }
        if objects.objects.is_empty() {
            self.relevant.remove(namespace);
        }
        self.notice_room();
    }

    /// Returns the approximate size of the metadata in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    fn find(&self, namespace: &str, name: &str) -> CacheLookup {
        if let Some(metadata) = self.relevant.get(namespace).and_then(|objects| objects.objects.get(name)) {
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

/// Returns the approximate size of an object with relevant metadata.
fn object_bytes(name: &str, metadata: &ObjectMetadata) -> usize {
    OBJECT_OVERHEAD + name.len() + size_of::<ObjectMetadata>() + metadata.heap_bytes()
}

/// Objects of one kind, and whether all of them have been listed once.
#[derive(Debug, Default)]
pub struct Cache {
    store: RwLock<MetadataStore>,
    synced: AtomicBool,
}

impl Cache {
    /// Creates an empty cache for this many bytes of metadata.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { store: RwLock::new(MetadataStore::with_limit(limit)), synced: AtomicBool::default() }
    }

    /// Looks an object up.
    #[must_use]
    pub fn find(&self, namespace: &str, name: &str) -> CacheLookup {
        self.read().find(namespace, name)
    }

    /// Changes the objects.
    pub fn update(&self, change: impl FnOnce(&mut MetadataStore)) {
        change(&mut self.write());
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
        (store.relevant.values().map(|objects| objects.objects.len()).sum(), store.irrelevant.len())
    }

    /// Returns the approximate size of the metadata in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.read().bytes()
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
    use rolebridge_core::annotations::{PROJECT, eks};

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
    fn find_distinguishes_namespace_and_name() {
        let cache = Cache::default();
        for (name, metadata) in [("a", with_project("a")), ("b", ObjectMetadata::default())] {
            cache.update(|store| store.put("shop", name, metadata));
            assert_ne!(cache.find("shop", name), CacheLookup::Miss);
            assert_eq!(cache.find("sho", &format!("p{name}")), CacheLookup::Miss);
        }
    }

    /// Returns metadata of which `bytes` bytes are relevant.
    fn with_bytes(bytes: usize) -> ObjectMetadata {
        with_project(&"x".repeat(bytes))
    }

    #[test]
    fn ballast_of_a_thousand_large_objects_is_not_kept() {
        let cache = Cache::default();
        for n in 0..1000 {
            cache.update(|store| store.put("flood", &format!("ballast-{n}"), with_bytes(256 << 10)));
        }
        assert_eq!(cache.sizes(), (1000, 0), "each is remembered as too large");
        assert!(cache.bytes() < 512 << 10, "{}", cache.bytes());
    }

    #[test]
    fn hundred_thousand_accounts_with_a_role_fit() {
        let mut store = MetadataStore::default();
        let role = "arn:aws:iam::111122223333:role/team-12345-application-12345";
        for n in 0..100_000 {
            let annotations = [(eks::ROLE_ARN, role), ("rolebridge.io/project", "shop-data")];
            store.put(
                &format!("team-{}", n % 500),
                &format!("app-{n}"),
                ObjectMetadata::new(annotations, []),
            );
        }
        assert!(!store.is_full, "{}", store.bytes());
    }

    #[test]
    fn full_store_leaves_out_objects_of_the_namespace_with_the_most_bytes() {
        let mut store = MetadataStore::default();
        store.put("shop", "before", with_bytes(1000));
        for n in 0..5000 {
            store.put("flood", &format!("ballast-{n}"), with_bytes(16 << 10));
        }
        store.put("shop", "after", with_bytes(1000));
        assert!(store.bytes() <= MAX_STORE_BYTES);
        assert!(store.bytes() > MAX_STORE_BYTES - (32 << 10), "{}", store.bytes());
        let found = |namespace, name| store.find(namespace, name) != CacheLookup::Miss;
        assert!(found("shop", "before") && found("shop", "after") && found("flood", "ballast-0"));
        assert!(!found("flood", "ballast-4999"), "an object that is not cached is read live");
    }

    #[test]
    fn full_store_has_room_again_below_its_limit() {
        let mut store = MetadataStore::default();
        let names: Vec<_> = (0..3000).map(|n| format!("ballast-{n}")).collect();
        let fill = |store: &mut MetadataStore| {
            for name in &names {
                store.put("flood", name, with_bytes(16 << 10));
            }
        };
        fill(&mut store);
        assert!(store.is_full);
        store.remove("flood", &names[0]);
        assert!(store.is_full, "room for one object causes no second warning");
        for name in &names {
            store.remove("flood", name);
        }
        assert!(!store.is_full);
        fill(&mut store);
        assert!(store.is_full);
        store.retain(&HashSet::new());
        assert!(!store.is_full);
    }

    #[test]
    fn bytes_return_to_zero_after_all_objects_are_removed() {
        let mut store = MetadataStore::default();
        for bytes in [10, 2000, 20] {
            store.put("shop", "batch", with_bytes(bytes));
        }
        store.put("shop", "other", with_bytes(5));
        store.put("shop", "other", ObjectMetadata::default());
        store.remove("shop", "batch");
        store.remove("shop", "absent");
        assert_eq!((store.bytes(), store.relevant.len()), (0, 0));
    }

    #[test]
    fn store_keeps_to_its_own_limit() {
        let mut store = MetadataStore::with_limit(64 << 10);
        for n in 0..100 {
            store.put("", &format!("namespace-{n}"), with_bytes(1 << 10));
        }
        assert!(store.is_full && store.bytes() <= 64 << 10, "{}", store.bytes());
    }
}
