//! The objects that a decision depends on.

use std::ops::BitOr;

/// The objects of which a newer version could change a denial or a skip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetadataDependency {
    /// True for the pod's service account.
    pub service_account: bool,
    /// True for the pod's namespace.
    pub namespace: bool,
}

impl MetadataDependency {
    /// Neither object: only another pod gets another decision.
    pub const NONE: Self = Self { service_account: false, namespace: false };
    /// The service account alone.
    pub const SERVICE_ACCOUNT: Self = Self { service_account: true, namespace: false };
    /// The namespace alone.
    pub const NAMESPACE: Self = Self { service_account: false, namespace: true };
    /// Both objects.
    pub const BOTH: Self = Self { service_account: true, namespace: true };

    /// Returns true if the decision depends on one of the objects.
    #[must_use]
    pub const fn any(self) -> bool {
        self.service_account || self.namespace
    }
}

impl BitOr for MetadataDependency {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            service_account: self.service_account || other.service_account,
            namespace: self.namespace || other.namespace,
        }
    }
}
