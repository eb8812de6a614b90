//! A value of which only the presence matters.

use serde::de::{Deserialize, Deserializer, IgnoredAny};

/// A value of any type.
#[derive(Debug, Clone, Copy, Hash)]
pub(crate) struct Present;

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|IgnoredAny| Self)
    }
}
