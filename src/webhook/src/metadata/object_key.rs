//! Names of the objects that are read.

use std::fmt;

use crate::object_kind::ObjectKind;

/// Kind, namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    pub(super) kind: ObjectKind,
    /// The namespace of a service account; empty for a namespace.
    pub(super) namespace: Box<str>,
    pub(super) name: Box<str>,
}

impl ObjectKey {
    /// Creates the key of a service account.
    #[must_use]
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self { kind: ObjectKind::ServiceAccount, namespace: namespace.into(), name: name.into() }
    }

    /// Creates the key of a namespace.
    #[must_use]
    pub fn namespace(name: &str) -> Self {
        Self { kind: ObjectKind::Namespace, namespace: Box::default(), name: name.into() }
    }

    /// Returns whether an object can have this name. The name comes from an unvalidated pod and would become part of a
    /// URL.
    pub(super) fn is_valid(&self) -> bool {
        let allowed = |text: &str| {
            text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
        };
        let name = !self.name.is_empty() && self.name.len() <= 253 && !self.name.starts_with('.');
        name && allowed(&self.name) && allowed(&self.namespace) && !self.namespace.starts_with('.')
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ObjectKind::ServiceAccount => write!(f, "service account {}/{}", self.namespace, self.name),
            ObjectKind::Namespace => write!(f, "namespace {}", self.name),
        }
    }
}
