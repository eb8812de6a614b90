//! The search for the versions of a library that work with each source: `make conformance-versions`.
//!
//! The oldest and the newest version run first. Where two neighbors differ, the version in the middle between them runs next,
//! until no version is left between them, so that the recorded limits are exact. A version that cannot be installed is at a
//! limit too, and so is one with another error message: versions that work may be between them. Then the last version of
//! each minor release runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use rolebridge_tests::error::Result;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::environment::Environment;
use crate::install::{self, Installed};
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

/// The only result of a version that cannot be installed, for example because its dependencies need an older compiler.
const INSTALL: &str = "install";

/// The result of a successful run.
pub(crate) const WORKS: &str = "yes";

impl TriedVersion {
    /// Returns true if the version works with the source.
    pub(crate) fn works(&self, source: &str) -> bool {
        self.results.get(source).is_some_and(|result| result == WORKS)
    }

    /// Returns true if the version could not be installed.
    pub(crate) fn is_missing(&self) -> bool {
        self.results.contains_key(INSTALL)
    }
}

/// Runs versions of a client until the limits are exact, or until `time` is over. Keeps the results of `known`, and passes all
/// results to `save` after each version.
pub(crate) async fn search(
    environment: &mut Environment,
    client: &Client,
    known: &[TriedVersion],
    folder: &Path,
    time: Option<Duration>,
    save: impl Fn(Vec<TriedVersion>) -> Result<()>,
    print: impl Fn(&str),
) -> Result<()> {
    let Some(releases) = &client.releases else { return Ok(()) };
    let start = Instant::now();
    let all = install::releases(client, releases, folder).await?;
    let mut tried: BTreeMap<Version, TriedVersion> =
        known.iter().map(|tried| (tried.version.clone(), tried.clone())).collect();
    let mut too_slow = BTreeSet::new();
    while let Some(version) = next(&all, &tried, &too_slow) {
        if time.is_some_and(|time| start.elapsed() > time) {
            print(&format!("  the time is over, before {version}"));
            break;
        }
        let out = folder.join(version.to_string());
        let mut installed = install::install_version(client, releases, &version, &out).await;
        // A failure must occur twice: a registry may have been unreachable.
        if installed.is_err() {
            installed = install::install_version(client, releases, &version, &out).await;
        }
        let results = match installed {
            Ok(Some(installed)) => run(environment, client, &installed, &version, &print).await?,
            Ok(None) => None,
            Err(error) => {
                print(&format!("  {version}: {error}"));
                Some([(INSTALL.to_owned(), "cannot be installed".to_owned())].into())
            }
        };
        let Some(results) = results else {
            print(&format!("  {version}: no result in time"));
            too_slow.insert(version);
            continue;
        };
        tried.insert(version.clone(), TriedVersion { version, results });
        save(tried.values().cloned().collect())?;
    }
    Ok(())
}

/// Runs a version with each source. A failure must occur twice. Returns `None` if a run took too long.
async fn run(
    environment: &mut Environment,
    client: &Client,
    installed: &Installed,
    version: &Version,
    print: impl Fn(&str),
) -> Result<Option<BTreeMap<String, String>>> {
    let mut results = BTreeMap::new();
    for cell in ResultCell::of_versions() {
        let mut result = environment.run(client, installed, cell).await?;
        if !result.is_success() {
            result = environment.run(client, installed, cell).await?;
        }
        if result.is_timeout() {
            return Ok(None);
        }
        let text = match result {
            RunResult::Success { .. } => WORKS.to_owned(),
            RunResult::Failure { error } => error,
        };
        print(&format!("  {version}, {}: {text}", cell.source));
        results.insert(cell.source.to_owned(), text);
    }
    Ok(Some(results))
}

/// Returns the version to run next: the newest and the oldest, then those at a limit, then the last of each minor release.
fn next(
    all: &[Version],
    tried: &BTreeMap<Version, TriedVersion>,
    too_slow: &BTreeSet<Version>,
) -> Option<Version> {
    let is_open = |version: &&Version| !tried.contains_key(*version) && !too_slow.contains(*version);
    let open: Vec<_> = all.iter().filter(is_open).cloned().collect();
    let ends = all.last().into_iter().chain(all.first()).cloned();
    let candidates = ends.chain(between_limits(&open, tried)).chain(Version::last_of_each_minor(all));
    candidates.into_iter().find(|version| open.contains(version))
}

/// Returns the middle of the open versions between each two tried neighbors with different results.
fn between_limits(open: &[Version], tried: &BTreeMap<Version, TriedVersion>) -> Vec<Version> {
    let tried: Vec<_> = tried.values().collect();
    let limits = tried.windows(2).filter(|pair| pair[0].results != pair[1].results);
    let middle = |pair: &[&TriedVersion]| {
        let is_between = |version: &&Version| pair[0].version < **version && **version < pair[1].version;
        let between: Vec<_> = open.iter().filter(is_between).collect();
        between.get(between.len() / 2).copied().cloned()
    };
    limits.filter_map(middle).collect()
}

/// Renders the versions that work with a source as ranges of tried versions: `1.0.0–1.4.2, 1.6.0–2.0.1`.
pub(crate) fn ranges(tried: &[TriedVersion], source: &str) -> String {
    let ran = tried.iter().filter(|tried| !tried.is_missing());
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
    fn ends_run_before_limits_and_limits_before_the_rest() {
        let all: Vec<_> =
            ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"].into_iter().filter_map(Version::parse).collect();
        let mut known = BTreeMap::new();
        let mut order = Vec::new();
        while let Some(version) = next(&all, &known, &[all[3].clone()].into()) {
            let result = if version == all[0] { "refused" } else { "yes" };
            order.push(version.to_string());
            known.insert(version.clone(), tried(&version.to_string(), result));
        }
        assert_eq!(order, ["1.4.0", "1.0.0", "1.2.0", "1.1.0"]);
    }

    #[test]
    fn limit_is_found_by_bisection() {
        let all: Vec<_> = (0..1_000).filter_map(|patch| Version::parse(&format!("1.0.{patch}"))).collect();
        let first_working = Version::parse("1.0.617").unwrap();
        let mut known = BTreeMap::new();
        let mut runs = 0;
        while let Some(version) = next(&all, &known, &BTreeSet::new()) {
            let result = if version < first_working { "refused" } else { "yes" };
            known.insert(version.clone(), tried(&version.to_string(), result));
            runs += 1;
        }
        assert!(runs <= 12, "{runs}");
        let known: Vec<_> = known.into_values().collect();
        assert_eq!(ranges(&known, "loopback"), "1.0.617–1.0.999");
        assert!(known.iter().any(|tried| tried.version.to_string() == "1.0.616"));
    }
}
