//! The workload identity pool provider.

use rolebridge_core::env::sidecar as names;
use rolebridge_core::google::{self, DEFAULT_UNIVERSE, ProviderName};
use rolebridge_core::parse;

use super::env::{Env, SettingsError};

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
    /// Reads the variables of a provider and its universe.
    ///
    /// # Errors
    /// Returns an error for the first missing or invalid variable.
    pub(super) fn read(env: &Env<'_>) -> Result<Self, SettingsError> {
        let name =
            env.required(names::AUDIENCE, |text| parse::audience(text).map(ProviderName::into_owned))?;
        let universe = env.optional_text(names::UNIVERSE_DOMAIN, parse::universe)?;
        Ok(Self {
            audience: google::audience(name.as_str()),
            name,
            universe: universe.unwrap_or_else(|| DEFAULT_UNIVERSE.to_owned()),
        })
    }

    /// Returns the audience of a JSON web token for the provider.
    #[must_use]
    pub fn token_audience(&self) -> String {
        google::token_audience(self.name.as_str())
    }
}
