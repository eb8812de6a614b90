//! The search for the versions of a library that work with each source: `make conformance-versions`.
//!
//! The last version of each minor release runs. Where two neighbors differ, every version between them runs too, so that
//! the recorded limits are exact.

use std::collections::BTreeMap;
use std::path::Path;

use rolebridge_tests::error::Result;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::environment::Environment;
use crate::install;
use crate::result_cell::{ResultCell, RunResult};
use crate::version::Version;

/// The results of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TriedVersion {
    pub(crate) version: Version,
    /// By source, for `aws-role`: `yes`, or the library's error message.
    pub(crate) results: BTreeMap<String, String>,
}

/// The result of a successful run.
pub(crate) const WORKS: &str = "yes";

impl TriedVersion {
    /// Returns true if the version works with the source.
    pub(crate) fn works(&self, source: &str) -> bool {
        self.results.get(source).is_some_and(|result| result == WORKS)
    }

    fn differs(&self, other: &Self) -> bool {
        self.results.keys().any(|source| self.works(source) != other.works(source))
    }
}

/// Runs versions of a client until the limits are exact. Keeps the results of `known`.
pub(crate) async fn search(
    environment: &mut Environment,
    client: &Client,
    known: &[TriedVersion],
    folder: &Path,
    print: impl Fn(&str),
) -> Result<Vec<TriedVersion>> {
    let Some(releases) = &client.releases else { return Ok(Vec::new()) };
    let all = install::releases(client, releases, folder).await?;
    let mut tried: BTreeMap<Version, TriedVersion> =
        known.iter().map(|tried| (tried.version.clone(), tried.clone())).collect();
    let mut next = Version::last_of_each_minor(&all);
    loop {
        next.retain(|version| !tried.contains_key(version));
        if next.is_empty() {
            return Ok(tried.into_values().collect());
        }
        for version in next {
            let out = folder.join(version.to_string());
            let installed = match install::install_version(client, releases, &version, &out).await {
                Ok(Some(installed)) => installed,
                Ok(None) => {
                    print(&format!("  {version}: not installed within {} s", client.budget));
                    continue;
                }
                Err(error) => {
                    print(&format!("  {version}: {error}"));
                    let results = [("install".to_owned(), "cannot be installed".to_owned())].into();
                    tried.insert(version.clone(), TriedVersion { version, results });
                    continue;
                }
            };
            let mut results = BTreeMap::new();
            for cell in ResultCell::of_versions() {
                let mut result = environment.run(client, &installed, cell).await?;
                if !result.is_success() {
                    result = environment.run(client, &installed, cell).await?;
                }
                let text = match result {
                    RunResult::Success { .. } => WORKS.to_owned(),
                    RunResult::Failure { error } => error,
                };
                print(&format!("  {version}, {}: {text}", cell.source));
                results.insert(cell.source.to_owned(), text);
            }
            tried.insert(version.clone(), TriedVersion { version, results });
        }
        next = between_limits(&all, &tried);
    }
}

/// Returns the versions between two tried neighbors with different results.
fn between_limits(all: &[Version], tried: &BTreeMap<Version, TriedVersion>) -> Vec<Version> {
    let ran: Vec<_> = tried.values().filter(|tried| !tried.results.contains_key("install")).collect();
    let limits: Vec<_> = ran.windows(2).filter(|pair| pair[0].differs(pair[1])).collect();
    let is_between = |version: &&Version| {
        limits.iter().any(|pair| pair[0].version < **version && **version < pair[1].version)
    };
    all.iter().filter(is_between).filter(|version| !tried.contains_key(*version)).cloned().collect()
}

/// Renders the versions that work with a source as ranges of tried versions: `1.0.0–1.4.2, 1.6.0–2.0.1`.
pub(crate) fn ranges(tried: &[TriedVersion], source: &str) -> String {
    let ran = tried.iter().filter(|tried| !tried.results.contains_key("install"));
    let mut ranges: Vec<(&Version, &Version)> = Vec::new();
    let mut is_open = false;
    for tried in ran {
        let works = tried.works(source);
        match ranges.last_mut() {
            Some(range) if works && is_open => range.1 = &tried.version,
            _ if works => ranges.push((&tried.version, &tried.version)),
            _ => {}
        }
        is_open = works;
    }
    let texts: Vec<_> = ranges
        .iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}–{last}") })
        .collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(version: &str, result: &str) -> TriedVersion {
        let results = [("loopback".to_owned(), result.to_owned())].into();
        TriedVersion { version: Version::parse(version).unwrap(), results }
    }

    #[test]
    fn ranges_end_at_failures() {
        let all = [tried("1.0", "yes"), tried("1.1", "yes"), tried("1.2", "refused"), tried("1.3", "yes")];
        assert_eq!(ranges(&all, "loopback"), "1.0–1.1, 1.3");
        assert_eq!(ranges(&all, "file"), "none");
    }

    #[test]
    fn versions_between_different_results_are_next() {
        let all: Vec<_> =
            ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "1.2.0"].into_iter().filter_map(Version::parse).collect();
        let known = [tried("1.0.0", "refused"), tried("1.1.1", "yes"), tried("1.2.0", "yes")];
        let known = known.into_iter().map(|tried| (tried.version.clone(), tried)).collect();
        assert_eq!(between_limits(&all, &known), all[1..3]);
    }
}
