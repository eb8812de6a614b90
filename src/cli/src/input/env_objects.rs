//! The keys of the `ConfigMaps` and Secrets from which containers get variables.

use std::collections::BTreeMap;

use rolebridge_inject::env_from::{Keys, ObjectKind, Objects, Reference};

use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;

/// The known objects by kind, namespace and name, with their keys or the reason why these are unknown.
#[derive(Debug, Default)]
pub(crate) struct EnvObjects(BTreeMap<(ObjectKind, String, String), Result<Keys, String>>);

impl EnvObjects {
    /// Adds an object of a file, if it is a `ConfigMap` or a Secret.
    pub(crate) fn add(&mut self, object: &Object<'_>, namespace: &str) {
        let (kind, fields) = match object.kind() {
            "ConfigMap" => (ObjectKind::ConfigMap, &["data"][..]),
            "Secret" => (ObjectKind::Secret, &["data", "stringData"][..]),
            _ => return,
        };
        let pairs = fields.iter().filter_map(|field| object.root.get(field)).flat_map(OrderedValue::fields);
        let keys = pairs.map(|(key, value)| {
            // The values of a Secret are never kept.
            let value = value.text(&[]).filter(|_| kind == ObjectKind::ConfigMap);
            (key.clone(), value.map(str::to_owned))
        });
        self.insert(kind, namespace, object.name(), Ok(keys.collect()));
    }

    /// Adds an object, with its keys or the reason why these are unknown.
    pub(crate) fn insert(
        &mut self,
        kind: ObjectKind,
        namespace: &str,
        name: &str,
        keys: Result<Keys, String>,
    ) {
        self.0.insert((kind, namespace.to_owned(), name.to_owned()), keys);
    }

    /// Returns the objects of a namespace. `missing` describes an unknown one.
    pub(crate) fn in_namespace<'a>(&'a self, namespace: &'a str, missing: &'a str) -> NamespaceObjects<'a> {
        NamespaceObjects { objects: self, namespace, missing }
    }
}

/// The objects of one namespace.
pub(crate) struct NamespaceObjects<'a> {
    objects: &'a EnvObjects,
    namespace: &'a str,
    missing: &'a str,
}

impl NamespaceObjects<'_> {
    /// Returns true if the keys of an object are known.
    pub(crate) fn knows(&self, reference: &Reference<'_>) -> bool {
        self.keys(reference).is_ok()
    }
}

impl Objects for NamespaceObjects<'_> {
    fn keys(&self, reference: &Reference<'_>) -> Result<&Keys, String> {
        let key = (reference.kind, self.namespace.to_owned(), reference.name.to_owned());
        match self.objects.0.get(&key) {
            Some(keys) => keys.as_ref().map_err(Clone::clone),
            None => Err(self.missing.to_owned()),
        }
    }
}
