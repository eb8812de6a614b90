//! Versions of Google's libraries that do not work with `loopback`.
//!
//! Source: `tests/conformance/versions.yaml`, made by runs. A test compares both.

use crate::token_source::TokenSource;

/// Versions of a library that accept AWS credentials from 169.254.169.254 alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectingVersions {
    /// The language.
    pub language: &'static str,
    /// The library's name in its package registry.
    pub library: &'static str,
    /// The first version that rejects 127.0.0.1.
    pub first: &'static str,
    /// The last version that rejects 127.0.0.1.
    pub last: &'static str,
    /// The library's error message.
    pub error: &'static str,
    /// The source that works with these versions.
    pub instead: TokenSource,
}

impl RejectingVersions {
    /// Returns the versions as text: `2.14.1 to 2.16.3`.
    #[must_use]
    pub fn versions(&self) -> String {
        if self.first == self.last {
            self.first.to_owned()
        } else {
            format!("{} to {}", self.first, self.last)
        }
    }
}

/// The libraries with versions that reject 127.0.0.1.
pub const REJECT_LOOPBACK: [RejectingVersions; 4] = [
    RejectingVersions {
        language: "Python",
        library: "google-auth",
        first: "2.14.1",
        last: "2.16.3",
        error: "Invalid hostname '127.0.0.1' for 'region_url'",
        instead: TokenSource::Metadata,
    },
    RejectingVersions {
        language: "Go",
        library: "golang.org/x/oauth2",
        first: "0.3.0",
        last: "0.12.0",
        error: "oauth2/google: invalid hostname http://127.0.0.1:PORT/latest/meta-data/placement/availability-zone for region_url",
        instead: TokenSource::File,
    },
    RejectingVersions {
        language: "Node",
        library: "google-auth-library",
        first: "8.7.0",
        last: "8.7.0",
        error: "Invalid host \"127.0.0.1\" for \"region_url\". Expecting 169.254.169.254 or fd00:ec2::254.",
        instead: TokenSource::File,
    },
    RejectingVersions {
        language: "Java",
        library: "google-auth-library-oauth2-http",
        first: "1.13.0",
        last: "1.16.0",
        error: "Invalid host 127.0.0.1 for region_url.",
        instead: TokenSource::File,
    },
];
