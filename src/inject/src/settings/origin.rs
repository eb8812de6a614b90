//! Where a setting was said.

/// Where a setting came from, in the order in which they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The pod: its annotation, or what its containers say to AWS or to a proxy already.
    Pod,
    /// The pod's service account.
    ServiceAccount,
    /// The pod's namespace.
    Namespace,
    /// The platform team's `defaults.yaml`.
    Defaults,
    /// This program.
    BuiltIn,
}

impl Origin {
    /// Whether somebody closer to the pod than the platform team asked for it.
    #[must_use]
    pub const fn is_annotated(self) -> bool {
        matches!(self, Self::Pod | Self::ServiceAccount | Self::Namespace)
    }
}

/// A setting and where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<T> {
    /// What was said.
    pub value: T,
    /// Where.
    pub origin: Origin,
}

impl<T> Setting<T> {
    pub(crate) const fn built_in(value: T) -> Self {
        Self { value, origin: Origin::BuiltIn }
    }

    /// Something else from the same place.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: change(self.value), origin: self.origin }
    }

    pub(crate) const fn as_ref(&self) -> Setting<&T> {
        Setting { value: &self.value, origin: self.origin }
    }
}
