//! The ways in which the app's library gets a token.

use std::str::FromStr;

use crate::invalid_value::InvalidValue;

/// The way in which the app's library gets a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenSource {
    /// A server on 127.0.0.1 that answers like EC2's metadata service. The library signs the subject token.
    Loopback,
    /// A file that holds the subject token.
    File,
    /// A server on 127.0.0.1 that answers like Google's metadata server, with Google tokens.
    Metadata,
    /// The same server, also at the names and the port of Google's metadata server.
    MetadataHost,
}

impl TokenSource {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::Loopback, Self::File, Self::Metadata, Self::MetadataHost];

    /// Returns the annotation's value for this source.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::File => "file",
            Self::Metadata => "metadata",
            Self::MetadataHost => "metadata-host",
        }
    }

    /// Returns true if the library calls the sidecar's server on 127.0.0.1.
    #[must_use]
    pub const fn needs_server(self) -> bool {
        !matches!(self, Self::File)
    }

    /// Returns true if the sidecar answers like Google's metadata server.
    #[must_use]
    pub const fn is_metadata(self) -> bool {
        matches!(self, Self::Metadata | Self::MetadataHost)
    }
}

impl FromStr for TokenSource {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let source = Self::ALL.into_iter().find(|source| source.as_str() == text);
        source.ok_or_else(|| {
            InvalidValue::expected("a source: \"loopback\", \"file\", \"metadata\" or \"metadata-host\"")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_source_parses_its_own_name() {
        for source in TokenSource::ALL {
            assert_eq!(source.as_str().parse(), Ok(source));
        }
        assert!("File".parse::<TokenSource>().is_err());
    }
}
