//! The origin of a setting.

/// The origin of a setting, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The pod: its annotation, or the environment of its containers.
    Pod,
    /// The pod's service account.
    ServiceAccount,
    /// The pod's namespace.
    Namespace,
    /// The platform team's `defaults.yaml`.
    Defaults,
    /// The built-in default of this program.
    BuiltIn,
}

impl Origin {
    /// Returns true for an origin with higher precedence than the platform team's defaults.
    #[must_use]
    pub const fn is_annotated(self) -> bool {
        matches!(self, Self::Pod | Self::ServiceAccount | Self::Namespace)
    }
}

/// A setting and its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The origin of the value.
    pub origin: Origin,
}

impl<T> Setting<T> {
    pub(crate) const fn built_in(value: T) -> Self {
        Self { value, origin: Origin::BuiltIn }
    }

    /// Converts the value and keeps the origin.
    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: convert(self.value), origin: self.origin }
    }

    pub(crate) const fn as_ref(&self) -> Setting<&T> {
        Setting { value: &self.value, origin: self.origin }
    }
}
