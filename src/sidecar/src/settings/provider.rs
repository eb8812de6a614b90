//! The workload identity pool provider.

use rolebridge_core::google::{self, ProviderName};
use rolebridge_core::parse::{self, Audience, InvalidValue};

/// A workload identity pool provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The full resource name, to which a subject token is bound.
    pub audience: String,
    /// The resource name without the host.
    pub name: ProviderName,
    /// Google's universe, such as `googleapis.com`.
    pub universe: String,
}

impl Provider {
    /// Parses a provider's audience.
    pub(super) fn parse(audience: &str) -> Result<Self, InvalidValue> {
        let Audience { universe, provider } = parse::audience(audience)?;
        let (name, universe) = (provider.into_owned(), universe.to_owned());
        Ok(Self { audience: audience.to_owned(), name, universe })
    }

    /// Returns the audience of a JSON web token for the provider.
    #[must_use]
    pub fn token_audience(&self) -> String {
        google::token_audience(&self.universe, self.name.as_str())
    }
}
