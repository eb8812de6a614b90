//! The committed results of runs, in files from which pages are made: `programs.yaml`, `longer.yaml` and `signing.yaml`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use rolebridge_tests::error::{Context, Result};
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::client::Client;
use crate::result_cell::{ResultCell, RunResult};
use crate::search::WORKS;

/// A file of results.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultFile {
    name: &'static str,
    /// The content of the file, for its first line.
    content: &'static str,
    /// The command that writes it.
    command: &'static str,
}

/// The results of the programs, from which `docs/src/applications.md` is made.
pub(crate) const PROGRAMS: ResultFile = ResultFile {
    name: "programs.yaml",
    content: "Results of the programs, for aws-role",
    command: "tests/conformance/run --programs --update",
};

/// The results of runs that are longer than a token.
pub(crate) const LONGER: ResultFile = ResultFile {
    name: "longer.yaml",
    content: "Results of runs in one process that are longer than two lifetimes of each token, for aws-role",
    command: "tests/conformance/run --longer --update",
};

/// The results of signed URLs and ID tokens.
pub(crate) const SIGNING: ResultFile = ResultFile {
    name: "signing.yaml",
    content: "Results of signed URLs and ID tokens, for aws-role",
    command: "tests/conformance/run --signing --update",
};

/// The same of programs.
pub(crate) const PROGRAMS_LONGER: ResultFile = ResultFile {
    name: "programs-longer.yaml",
    command: "tests/conformance/run --longer --programs --update",
    ..LONGER
};

/// The results of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProgramResult {
    /// `NAME VERSION, NAME VERSION`.
    pub(crate) versions: String,
    /// True if the versions are not pinned, and so not compared.
    #[serde(skip)]
    unpinned: bool,
    /// By `SOURCE, ACCESS`: `yes`, or the program's error message.
    pub(crate) results: BTreeMap<String, String>,
}

/// The results by program.
pub(crate) type ProgramResults = BTreeMap<String, ProgramResult>;

impl ProgramResult {
    pub(crate) fn new(client: &Client, versions: String, cells: Vec<(ResultCell, RunResult)>) -> Self {
        let text = |result| match result {
            RunResult::Success { .. } => WORKS.to_owned(),
            RunResult::Failure { error } => error,
        };
        Self {
            versions,
            unpinned: client.unpinned,
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

impl ResultFile {
    fn path(self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(self.name)
    }

    /// Reads the file.
    pub(crate) fn read(self) -> Result<ProgramResults> {
        let path = self.path();
        let text =
            std::fs::read_to_string(&path).context(format_args!("failed to read {}", path.display()))?;
        serde_saphyr::from_str(&text).context(format_args!("failed to parse {}", self.name))
    }

    fn write(self, results: &ProgramResults) -> Result<()> {
        let path = self.path();
        let text = self.render(results)?;
        std::fs::write(&path, text).context(format_args!("failed to write {}", path.display()))
    }

    /// Renders the results, one line for each cell: JSON strings are YAML too.
    fn render(self, results: &ProgramResults) -> Result<String> {
        let mut text = format!("# {}. Made by `{}`.\n", self.content, self.command);
        let json = |text: &str| serde_json::to_string(text).context("failed to render a result");
        for (name, result) in results {
            let _ = writeln!(text, "{name}:\n  versions: {}\n  results:", json(&result.versions)?);
            for (cell, result) in &result.results {
                let _ = writeln!(text, "    {cell}: {}", json(result)?);
            }
        }
        Ok(text)
    }

    /// Compares the results with the committed ones of the same names and cells, or writes them. Returns all committed results then, and
    /// true if they match.
    pub(crate) fn compare_or_update(
        self,
        found: &ProgramResults,
        update: bool,
        print: impl Fn(&str),
    ) -> Result<(ProgramResults, bool)> {
        let mut committed = self.read()?;
        if update {
            committed.extend(found.clone());
            self.write(&committed)?;
        }
        let mut same = committed.clone();
        same.retain(|name, _| found.contains_key(name));
        for (name, result) in &mut same {
            let found = &found[name];
            result.results.retain(|cell, _| found.results.contains_key(cell));
            if found.unpinned {
                result.versions.clone_from(&found.versions);
            }
        }
        let (expected, actual) = (self.render(&same)?, self.render(found)?);
        let matches = expected == actual;
        if !matches {
            let diff = TextDiff::from_lines(&expected, &actual);
            print(&diff.unified_diff().header(self.name, "results").to_string());
            let Self { name, command, .. } = self;
            print(&format!("{name} differs from the results. If intended, run {command}"));
        }
        Ok((committed, matches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    /// A version that is not pinned is another one each day, on each machine.
    #[test]
    fn version_is_compared_unless_it_is_not_pinned() {
        let committed = PROGRAMS.read().unwrap();
        for program in client::read_all("programs").unwrap() {
            let mut found = ProgramResult::new(&program, "program 0.0.1".to_owned(), Vec::new());
            found.results.clone_from(&committed[&program.name].results);
            let found = [(program.name.clone(), found)].into();
            let (_, matches) = PROGRAMS.compare_or_update(&found, false, |_| ()).unwrap();
            assert_eq!(matches, program.unpinned, "{}", program.name);
        }
    }
}
