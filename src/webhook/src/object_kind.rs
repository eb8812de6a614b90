//! Kinds of objects in the metadata cache.

/// A kind of object that contributes to the admission decision of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A service account (namespaced).
    ServiceAccount,
    /// A namespace (cluster-scoped).
    Namespace,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::ServiceAccount, Self::Namespace];

    /// Returns the name used in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service-account",
            Self::Namespace => "namespace",
        }
    }
}
