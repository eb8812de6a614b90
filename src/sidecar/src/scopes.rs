//! OAuth scopes: a set, so that the order and duplicates do not create another token.

use std::collections::BTreeSet;
use std::fmt;

/// The default scope of a token, and the scope that impersonation needs.
pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// Maximum number of bytes of a list. Google's longest lists are a fraction of it.
const MAX_BYTES: usize = 4096;

/// A set of scopes; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scopes(String);

impl Scopes {
    /// Returns [`CLOUD_PLATFORM`] alone.
    #[must_use]
    pub fn cloud_platform() -> Self {
        Self(CLOUD_PLATFORM.to_owned())
    }

    /// Parses a comma-separated list, as in a request to the metadata server. An empty list is [`CLOUD_PLATFORM`].
    ///
    /// # Errors
    /// Returns an error if the list is too long or contains an invalid scope.
    pub fn parse(list: &str) -> Result<Self, String> {
        let scopes: BTreeSet<_> = list.split([',', ' ']).filter(|scope| !scope.is_empty()).collect();
        if scopes.is_empty() {
            return Ok(Self::cloud_platform());
        }
        // RFC 6749 section 3.3.
        let is_scope = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if list.len() > MAX_BYTES || !scopes.iter().all(|scope| scope.bytes().all(is_scope)) {
            return Err("scopes: expected OAuth scopes, separated by commas".to_owned());
        }
        Ok(Self(scopes.into_iter().collect::<Vec<_>>().join(" ")))
    }

    /// Iterates over the scopes.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

/// Separates the scopes by spaces, as OAuth does.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("", Some(CLOUD_PLATFORM))]
    #[case(" ,", Some(CLOUD_PLATFORM))]
    #[case("b,a", Some("a b"))]
    #[case("a,b,a", Some("a b"))]
    #[case("b a", Some("a b"))]
    #[case("a\n", None)]
    #[case("a\"", None)]
    fn scopes_parse_a_list_as_a_set(#[case] list: &str, #[case] expected: Option<&str>) {
        assert_eq!(Scopes::parse(list).ok().map(|scopes| scopes.to_string()).as_deref(), expected);
    }

    #[test]
    fn scopes_beyond_the_maximum_length_are_rejected() {
        assert!(Scopes::parse(&"a,".repeat(3000)).is_err());
    }
}
