//! The job of a program, and the emulators of Google's APIs that it needs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rolebridge_fake_clouds::config::EmulatedApi;
use rolebridge_tests::error::{Context, Result};
use serde::Deserialize;

use crate::client;
use crate::install::Package;

/// The job of a program.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Job {
    /// The topic of its table.
    pub(crate) topic: Topic,
    /// The work that the program did, for the table.
    pub(crate) does: String,
    /// The emulators that it needs, by name.
    #[serde(default)]
    pub(crate) emulators: Vec<String>,
    /// The text that its log contains if the job is done. The program exits with 0 too.
    pub(crate) expects: String,
    /// The time limit of a run, in seconds.
    #[serde(default = "default_seconds")]
    pub(crate) seconds: u64,
    /// True if it knows the name of Google's metadata server, and not only a variable, so that `metadata-host` runs too.
    #[serde(default)]
    pub(crate) metadata_host: bool,
    /// True if CI runs it: its installation is fast.
    #[serde(default)]
    pub(crate) in_ci: bool,
}

impl Job {
    /// Returns true if it needs one of these emulators.
    pub(crate) fn needs(&self, emulators: &BTreeSet<String>) -> bool {
        self.emulators.iter().any(|name| emulators.contains(name))
    }
}

/// The topic of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Topic {
    Storage,
    BigQuery,
    Messaging,
    Databases,
    Secrets,
    Platform,
    Ai,
}

impl Topic {
    /// The topics in the order of the page.
    pub(crate) const ALL: [Self; 7] = [
        Self::Storage,
        Self::BigQuery,
        Self::Messaging,
        Self::Databases,
        Self::Secrets,
        Self::Platform,
        Self::Ai,
    ];

    /// Returns the heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Storage => "Cloud Storage",
            Self::BigQuery => "BigQuery",
            Self::Messaging => "Messages",
            Self::Databases => "Databases",
            Self::Secrets => "Secrets and keys",
            Self::Platform => "Platform tools",
            Self::Ai => "Vertex AI",
        }
    }
}

const fn default_seconds() -> u64 {
    60
}

/// An emulator of Google's APIs, as described by `emulators/NAME/emulator.yaml`. In the program's arguments, `$HTTP` and `$GRPC`
/// are the ports of the two protocols.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Emulator {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) here: PathBuf,
    /// A bash script that installs the emulator into `$OUT`, which is kept between runs.
    pub(crate) install: String,
    /// A bash script that writes `NAME VERSION` on a line.
    pub(crate) versions: String,
    /// The time limit of the installation, in seconds.
    pub(crate) budget: u64,
    /// The program and its arguments.
    pub(crate) program: Vec<String>,
    /// The APIs that it serves.
    pub(crate) apis: Vec<EmulatedApi>,
}

impl Emulator {
    /// Returns the installation folder, relative to that of all.
    pub(crate) fn folder(&self) -> String {
        format!("emulators/{}", self.name)
    }

    /// Returns what its installation needs.
    pub(crate) fn package(&self) -> Package<'_> {
        Package {
            name: &self.name,
            here: &self.here,
            install: &self.install,
            versions: &self.versions,
            budget: self.budget,
        }
    }
}

/// Reads every emulator, sorted by name.
pub(crate) fn read_emulators() -> Result<Vec<Emulator>> {
    let files = client::read_files("emulators").context("failed to read the emulators")?;
    Ok(files.into_iter().map(|(name, _, here, emulator)| Emulator { name, here, ..emulator }).collect())
}

/// Returns the emulators that jobs need.
pub(crate) fn needed_emulators<'a>(jobs: impl Iterator<Item = &'a Job>) -> Result<Vec<Emulator>> {
    let names: BTreeSet<_> = jobs.flat_map(|job| &job.emulators).collect();
    let mut emulators = read_emulators()?;
    emulators.retain(|emulator| names.contains(&emulator.name));
    Ok(emulators)
}
