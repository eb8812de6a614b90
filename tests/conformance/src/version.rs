//! Versions of libraries: numbers and dots.

use std::fmt;

use rolebridge_tests::error::Error;
use serde::{Deserialize, Serialize};

/// A released version, ordered by its numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Version(Vec<u64>);

impl Version {
    /// Parses `1.2.3` or `v1.2.3`. Returns `None` for previews, which have letters.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        text.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Returns the major and the minor number.
    fn minor(&self) -> &[u64] {
        &self.0[..self.0.len().min(2)]
    }

    /// Returns the last version of each minor release, and the first version of all.
    pub(crate) fn last_of_each_minor(all: &[Self]) -> Vec<Self> {
        let last = |index: usize| all.get(index + 1).is_none_or(|next| next.minor() != all[index].minor());
        (0..all.len()).filter(|&index| index == 0 || last(index)).map(|index| all[index].clone()).collect()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<_> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
            .ok_or_else(|| Error::new(format!("expected a version such as 1.2.3, found {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(text: &str) -> Vec<Version> {
        text.split(' ').filter_map(Version::parse).collect()
    }

    #[test]
    fn versions_are_ordered_by_number_and_previews_left_out() {
        let mut all = versions("1.10.0 v1.2.0 2.0.0rc1 2.0.0-beta.1 1.9");
        all.sort();
        assert_eq!(all, versions("1.2.0 1.9 1.10.0"));
    }

    #[test]
    fn last_of_each_minor_includes_the_first_of_all() {
        let all = versions("1.0.0 1.0.1 1.0.2 1.1.0 2.1.0 2.1.1");
        assert_eq!(Version::last_of_each_minor(&all), versions("1.0.0 1.0.2 1.1.0 2.1.1"));
    }
}
