//! The committed results of the programs: `programs.yaml`, from which `docs/src/applications.md` is made.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rolebridge_tests::error::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::result_cell::{ResultCell, RunResult};
use crate::search::WORKS;

const HEADER: &str =
    "# Results of the programs, for aws-role. Made by `tests/conformance/run --programs --update`.\n";

/// The results of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProgramResult {
    /// `NAME VERSION, NAME VERSION`.
    pub(crate) versions: String,
    /// By `SOURCE, ACCESS`: `yes`, or the program's error message.
    pub(crate) results: BTreeMap<String, String>,
}

/// The results by program.
pub(crate) type ProgramResults = BTreeMap<String, ProgramResult>;

impl ProgramResult {
    pub(crate) fn new(versions: String, cells: Vec<(ResultCell, RunResult)>) -> Self {
        let text = |result| match result {
            RunResult::Success { .. } => WORKS.to_owned(),
            RunResult::Failure { error } => error,
        };
        Self {
            versions,
            results: cells.into_iter().map(|(cell, result)| (key(cell), text(result))).collect(),
        }
    }

    /// Returns `yes` or the error message of a cell.
    pub(crate) fn cell(&self, cell: ResultCell) -> Option<&str> {
        self.results.get(&key(cell)).map(String::as_str)
    }
}

fn key(cell: ResultCell) -> String {
    format!("{}, {}", cell.source, cell.access.name())
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs.yaml")
}

/// Reads the file.
pub(crate) fn read() -> Result<ProgramResults> {
    let path = path();
    let text = std::fs::read_to_string(&path).context(format_args!("failed to read {}", path.display()))?;
    serde_saphyr::from_str(&text).context("failed to parse programs.yaml")
}

/// Writes the file.
pub(crate) fn write(results: &ProgramResults) -> Result<()> {
    let path = path();
    std::fs::write(&path, render(results)?).context(format_args!("failed to write {}", path.display()))
}

/// Renders the results, one line for each cell: JSON strings are YAML too.
pub(crate) fn render(results: &ProgramResults) -> Result<String> {
    let mut text = HEADER.to_owned();
    let json = |text: &str| serde_json::to_string(text).context("failed to render a result");
    for (name, result) in results {
        let _ = writeln!(text, "{name}:\n  versions: {}\n  results:", json(&result.versions)?);
        for (cell, result) in &result.results {
            let _ = writeln!(text, "    {cell}: {}", json(result)?);
        }
    }
    Ok(text)
}
