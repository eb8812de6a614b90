//! The name of a volume. Kubernetes generates one for each pod.

use std::hash::{Hash, Hasher};
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer};

use super::borrowed_str::BorrowedStr;

/// The prefix of the generated name of the volume that holds the token of the pod's service account.
const GENERATED_PREFIX: &str = "kube-api-access-";

/// The name of a volume.
#[derive(Debug, Clone, Default)]
pub(crate) struct VolumeName<'a> {
    name: BorrowedStr<'a>,
    /// True for the generated name. All places with that name are marked together.
    is_generated: bool,
}

impl VolumeName<'_> {
    pub(super) fn has_generated_prefix(&self) -> bool {
        self.name.starts_with(GENERATED_PREFIX)
    }

    pub(super) const fn mark_generated(&mut self) {
        self.is_generated = true;
    }
}

impl Deref for VolumeName<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for VolumeName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BorrowedStr::deserialize(deserializer).map(|name| Self { name, is_generated: false })
    }
}

impl Hash for VolumeName<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.is_generated.hash(state);
        if !self.is_generated {
            self.name.hash(state);
        }
    }
}
