//! The versions of libraries that reject `loopback`: the page on languages, and the runs that judge them.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::collections::BTreeMap;
use std::fmt::Write;

use rolebridge_core::client_versions::{REJECT_LOOPBACK, RejectingVersions};
use rolebridge_doc_sync::section;
use serde::Deserialize;

const PAGE: &str = "docs/src/languages.md";
const RUNS: &str = include_str!("../../conformance/versions.yaml");

/// A version that ran.
#[derive(Debug, Deserialize)]
struct TriedVersion {
    version: String,
    /// By source: `yes`, or the error message.
    results: BTreeMap<String, String>,
}

/// The languages, and their clients in the file of runs.
const CLIENTS: [(&str, &str); 4] =
    [("Python", "python-google-auth"), ("Go", "go-oauth2"), ("Node", "node-auth"), ("Java", "java-auth")];

/// Returns the runs of a library, in the order of its versions.
fn runs(rejecting: &RejectingVersions) -> Vec<TriedVersion> {
    let (_, client) = CLIENTS.iter().find(|(language, _)| *language == rejecting.language).unwrap();
    serde_saphyr::from_str::<BTreeMap<String, Vec<TriedVersion>>>(RUNS).unwrap().remove(*client).unwrap()
}

fn table() -> String {
    let mut table =
        String::from("| library | versions | error message | use instead |\n| --- | --- | --- | --- |\n");
    for rejecting in &REJECT_LOOPBACK {
        let RejectingVersions { language, library, error, instead, .. } = rejecting;
        let (versions, source) = (rejecting.versions(), instead.as_str());
        writeln!(
            table,
            "| {language}, `{library}` | {versions} | `{error}` | `rolebridge.io/source: {source}` |"
        )
        .unwrap();
    }
    table
}

#[test]
fn page_lists_the_versions_that_reject_loopback() {
    section::check(PAGE, "rejected loopback", &table());
}

/// Exactly these versions failed with the error message, and each of them works with the source that is named instead.
#[test]
fn versions_are_those_of_the_runs() {
    for rejecting in &REJECT_LOOPBACK {
        let runs = runs(rejecting);
        // A version that cannot be installed has no result of a source.
        let rejects = |tried: &&TriedVersion| {
            tried.results.get("loopback").is_some_and(|result| result.contains(rejecting.error))
        };
        let found: Vec<_> = runs.iter().filter(rejects).collect();
        let versions: Vec<_> = found.iter().map(|tried| &*tried.version).collect();
        assert_eq!(versions.first(), Some(&rejecting.first), "{}", rejecting.library);
        assert_eq!(versions.last(), Some(&rejecting.last), "{}", rejecting.library);
        for tried in found {
            assert_eq!(
                tried.results[rejecting.instead.as_str()],
                "yes",
                "{} {}",
                rejecting.library,
                tried.version
            );
        }
        let first = runs.iter().position(|tried| tried.version == rejecting.first).unwrap();
        assert!(
            runs[first..].iter().take(versions.len()).all(|tried| rejects(&tried)),
            "{}",
            rejecting.library
        );
    }
}
