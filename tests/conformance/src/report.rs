//! The table, as text and as `docs/clients.md`.

use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Error, Result};
use similar::TextDiff;

use crate::client::Client;
use crate::result_cell::{ResultCell, RunResult};
use crate::works;

/// A client and its cells.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) versions: String,
    pub(crate) cells: Vec<(ResultCell, RunResult)>,
}

impl Row {
    /// Whether it was not installed in time; the committed table says of it what it said.
    pub(crate) const fn is_skipped(&self) -> bool {
        self.cells.is_empty()
    }
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TABLE: &str = "docs/clients.md";
const README: &str = "docs/src/languages.md";
/// Between these the README says which annotation to use.
const LANGUAGES_MARKS: [&str; 2] =
    ["<!-- languages: made by `make conformance` -->\n", "<!-- end of languages -->"];

const HEADER: &str = "<!-- made by `make conformance` -->
# Which Google library works with which source

Each cell is made of runs of the stock library in an injected pod, against fake clouds at Google's own names: it fetched an
object (or a table) as the right principal. With `aws-role` it did so by itself and as a service account. To a library
`aws-jwt` and `kubernetes` are the same, a token in a file: the one was run as a service account, the other by itself.
`loopback` has no meaning with them. Where a library says no, the last column has what to use.

";

const FOOTER: &str = "
## Not run here

These are known from their source alone, for `aws-role`: their SDK or registry was not at hand.

| client | works with |
| --- | --- |
| gcloud, bq, gsutil | `loopback`, `metadata` (they are Python's google-auth; gcloud reads the configuration by `CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE`, which injection sets) |
| Ruby, googleauth | `loopback` |
| PHP, google/auth | `loopback`, `file` |
| .NET, Google.Apis.Auth | `file`, `metadata` |
";

/// Compares with the committed tables, or writes them.
pub(crate) fn compare_or_update(rows: &[Row], update: bool, print: impl Fn(&str)) -> Result<bool> {
    let skipped: Vec<_> = rows.iter().filter(|row| row.is_skipped()).map(|row| &*row.client.title).collect();
    if update && !skipped.is_empty() {
        return Err(Error::new("the tables need every client: some were left out"));
    }
    let mut matches = compare(TABLE, update, &print, |committed| {
        let found = format!("{HEADER}{}{}{FOOTER}", table(rows), errors(rows));
        Ok((without_clients(&skipped, committed), without_clients(&skipped, &found)))
    })?;
    if skipped.is_empty() {
        matches &= compare(README, update, &print, |committed| {
            let found =
                with_languages(committed, rows).context("README.md has no place for the languages")?;
            Ok((committed.to_owned(), found))
        })?;
    }
    Ok(matches)
}

/// `texts` makes of the committed text what is to be compared, and what was found.
fn compare(
    name: &str,
    update: bool,
    print: impl Fn(&str),
    texts: impl Fn(&str) -> Result<(String, String)>,
) -> Result<bool> {
    let path = Path::new(ROOT).join(name);
    let committed = std::fs::read_to_string(&path).context(format_args!("read {name}"))?;
    let (expected, found) = texts(&committed)?;
    if update {
        std::fs::write(&path, found).context(format_args!("write {name}"))?;
    } else if expected != found {
        let diff = TextDiff::from_lines(&expected, &found);
        print(&diff.unified_diff().header(name, "found").to_string());
        print(&format!(
            "{name} is not what was found. If that is meant to be: tests/conformance/run --update"
        ));
        return Ok(false);
    }
    print(&format!("{name} holds."));
    Ok(true)
}

/// The lines that are about none of these clients.
fn without_clients(clients: &[&str], text: &str) -> String {
    let is_about = |line: &str, client: &&str| {
        line.strip_prefix("| ").or(line.strip_prefix("- ")).is_some_and(|line| line.starts_with(*client))
    };
    text.split_inclusive('\n').filter(|line| !clients.iter().any(|client| is_about(line, client))).collect()
}

/// The README with what each client needs: the first source, in the order of [`ResultCell::all`], that works whole.
fn with_languages(readme: &str, rows: &[Row]) -> Option<String> {
    let (before, rest) = readme.split_once(LANGUAGES_MARKS[0])?;
    let (_, after) = rest.split_once(LANGUAGES_MARKS[1])?;
    let mut sources: Vec<Option<&str>> = Vec::new();
    for source in columns().into_iter().map(|(_, source)| Some(source)).chain([None]) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let mut table = String::from("| your app uses | annotation |\n| --- | --- |\n");
    for source in sources {
        let clients: Vec<_> = rows
            .iter()
            .filter(|row| first_working_source(row) == source)
            .map(|row| &*row.client.title)
            .collect();
        if !clients.is_empty() {
            let _ = writeln!(table, "| {} | {} |", clients.join("; "), annotation(source));
        }
    }
    Some([before, LANGUAGES_MARKS[0], &table, LANGUAGES_MARKS[1], after].concat())
}

fn first_working_source(row: &Row) -> Option<&'static str> {
    columns().into_iter().find(|&column| summary(row, column) == "yes").map(|(_, source)| source)
}

fn annotation(source: Option<&str>) -> String {
    let (_, default) = columns()[0];
    match source {
        Some(source) if source == default => format!("none: `{source}` is the default"),
        Some(source) => format!("`rolebridge.io/source: {source}`"),
        None => "none works".to_owned(),
    }
}

/// One line for a client, one column for a source and an identity.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from("| client | version |");
    for (identity, source) in columns() {
        let _ = write!(text, " `{identity}` by `{source}` |");
    }
    text += " instead |\n| --- | --- |";
    text += &" --- |".repeat(columns().len() + 1);
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} | {} |", row.client.title, row.versions);
        for column in columns() {
            let _ = write!(text, " {} |", summary(row, column));
        }
        let _ = writeln!(text, " {} |", row.client.advice);
    }
    text
}

/// What each library says where it does not work, once for all cells in which it says that.
fn errors(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut errors: Vec<(&str, Vec<String>)> = Vec::new();
        for (cell, result) in &row.cells {
            let RunResult::Failure { error } = result else { continue };
            match errors.iter_mut().find(|(known, _)| known == error) {
                Some((_, cells)) => cells.push(cell.to_string()),
                None => errors.push((error, vec![cell.to_string()])),
            }
        }
        for (error, cells) in errors {
            let _ = writeln!(
                text,
                "- {} ({}): `{}`",
                row.client.title,
                cells.join("; "),
                error.replace('`', "'")
            );
        }
    }
    if text.is_empty() { text } else { format!("\n## What they say where they do not work\n\n{text}") }
}

fn columns() -> Vec<(&'static str, &'static str)> {
    let mut columns: Vec<_> =
        ResultCell::all().iter().map(|cell| (cell.identity.name(), cell.source)).collect();
    columns.dedup();
    columns
}

fn summary(row: &Row, column: (&str, &str)) -> String {
    let cells: Vec<_> =
        row.cells.iter().filter(|(cell, _)| (cell.identity.name(), cell.source) == column).collect();
    let working: Vec<_> =
        cells.iter().filter(|(_, result)| works(result)).map(|(cell, _)| cell.access.name()).collect();
    if working.len() == cells.len() {
        "yes".to_owned()
    } else if working.is_empty() {
        "no".to_owned()
    } else {
        format!("{} only", working.join(", "))
    }
}
