//! OAuth scopes: a set, so that the same ones in another order, or twice, are one token.

use std::collections::BTreeSet;
use std::fmt;

/// What a token is for where nobody says anything else, and what impersonation needs.
pub const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The most bytes of a set. Google's longest lists are a fraction of it.
const MOST: usize = 4096;

/// A set of scopes; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scopes(String);

impl Scopes {
    /// [`CLOUD_PLATFORM`] alone.
    #[must_use]
    pub fn cloud_platform() -> Self {
        Self(CLOUD_PLATFORM.to_owned())
    }

    /// The scopes of a list with commas, as the metadata server is asked; [`CLOUD_PLATFORM`] if there are none.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(list: &str) -> Result<Self, String> {
        let scopes: BTreeSet<_> = list.split([',', ' ']).filter(|scope| !scope.is_empty()).collect();
        if scopes.is_empty() {
            return Ok(Self::cloud_platform());
        }
        // RFC 6749 section 3.3.
        let is_scope = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if list.len() > MOST || !scopes.iter().all(|scope| scope.bytes().all(is_scope)) {
            return Err("scopes must be OAuth scopes, separated by commas".to_owned());
        }
        Ok(Self(scopes.into_iter().collect::<Vec<_>>().join(" ")))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }
}

/// Separated by spaces, as OAuth has it.
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
    fn a_list_is_a_set(#[case] list: &str, #[case] wanted: Option<&str>) {
        assert_eq!(Scopes::parse(list).ok().map(|scopes| scopes.to_string()).as_deref(), wanted);
    }

    #[test]
    fn a_list_without_end_is_refused() {
        assert!(Scopes::parse(&"a,".repeat(3000)).is_err());
    }
}
