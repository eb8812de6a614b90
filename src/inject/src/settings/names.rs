//! A set of names, built from a list of an unvalidated length.

use std::fmt;

use crate::steps;

/// Names in ascending order, each once. A lookup takes a logarithmic number of steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    /// Returns true if the name is in the set.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let compare = |known: &&str| {
            steps::count(1);
            (*known).cmp(name)
        };
        self.0.binary_search_by(compare).is_ok()
    }

    /// Returns the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().copied()
    }
}

impl<'a> FromIterator<&'a str> for Names<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable_by(|one, other| {
            steps::count(1);
            one.cmp(other)
        });
        names.dedup();
        Self(names)
    }
}

/// Displays the names separated by commas.
impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}
