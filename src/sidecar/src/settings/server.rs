//! The settings of the server on 127.0.0.1.

use rolebridge_core::env::sidecar as names;
use rolebridge_core::parse::{self, InvalidValue};
use rolebridge_core::token_source::TokenSource;

use super::env::{Env, SettingsError};
use super::identity::IdentitySettings;

/// The settings of the server on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSettings {
    /// The port.
    pub port: u16,
    /// The protocols that it serves.
    pub protocols: ServedProtocols,
}

/// The protocols that the server on 127.0.0.1 serves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServedProtocols {
    /// The protocol of EC2's metadata service.
    pub imds: bool,
    /// The protocol of the GCE metadata server.
    pub gce_metadata: bool,
    /// The GCE metadata server also at its own names and port.
    pub metadata_host: bool,
}

impl ServerSettings {
    /// Reads the variables, and checks that `identity` allows the protocols.
    pub(super) fn read(env: &Env<'_>, identity: &IdentitySettings) -> Result<Option<Self>, SettingsError> {
        let server = Self::read_unchecked(env)?;
        if server.is_some_and(|server| server.protocols.imds) && identity.imds_session().is_none() {
            return Err(SettingsError::loopback_unavailable());
        }
        Ok(server)
    }

    /// Reads the variables. Returns `None` if there is no port, and so no server.
    pub(super) fn read_unchecked(env: &Env<'_>) -> Result<Option<Self>, SettingsError> {
        let protocols = env.optional(names::SERVE, ServedProtocols::parse)?;
        let protocols = protocols.unwrap_or(ServedProtocols { imds: true, ..ServedProtocols::default() });
        let port = env.optional(names::LOOPBACK_PORT, parse::port)?;
        Ok(port.map(|port| Self { port, protocols }))
    }
}

impl ServedProtocols {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let mut protocols = Self::default();
        for source in text.split(',').map(str::trim) {
            match source.parse() {
                Ok(TokenSource::Loopback) => protocols.imds = true,
                Ok(TokenSource::Metadata) => protocols.gce_metadata = true,
                Ok(TokenSource::MetadataHost) => {
                    (protocols.gce_metadata, protocols.metadata_host) = (true, true);
                }
                _ => {
                    let expected = "\"loopback\", \"metadata\", \"loopback,metadata\" or \"metadata-host\"";
                    return Err(InvalidValue::expected(expected));
                }
            }
        }
        Ok(protocols)
    }
}
