//! The table of results, as text and as `docs/clients.md`.

use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Error, Result};
use similar::TextDiff;

use crate::client::Client;
use crate::longer_column;
use crate::program_results::{LONGER, ProgramResults};
use crate::result_cell::{ResultCell, RunResult};
use crate::search;
use crate::version_file::{self, VersionFile};
use crate::version_table;

/// A client and its cells.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) versions: String,
    pub(crate) cells: Vec<(ResultCell, RunResult)>,
}

impl Row {
    /// Returns true if the client was omitted or not installed in time. Its lines in the committed table are then not compared.
    pub(crate) const fn is_skipped(&self) -> bool {
        self.cells.is_empty()
    }
}

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub(crate) const TABLE: &str = "docs/clients.md";
pub(crate) const LANGUAGES_PAGE: &str = "docs/src/languages.md";
/// The marks around the table of annotations.
pub(crate) const LANGUAGES_MARKS: [&str; 2] =
    ["<!-- languages: made by `make conformance` -->\n", "<!-- end of languages -->"];

const HEADER: &str = "<!-- made by `make conformance` -->
# Google client library compatibility

Each cell shows the result of runs of the unmodified library in an injected pod, against fake clouds at Google's own host
names. In a successful run the library fetched an object (or a table) as the expected principal. With `aws-role` it ran
twice: as the federated principal and as a service account. `aws-jwt` and `kubernetes` look the same to a library, a token
in a file, so one ran as a service account and the other as the federated principal. `loopback` does not apply to them.
[Longer than a token](#longer-than-a-token) is about processes that run for longer than an hour. Where a library does not
work, the last column names the sources that do. [Signed URLs and ID tokens](src/signing.md) have a page of their own.

";

const FOOTER: &str = "
## Not tested

These results, for `aws-role`, come from reading the libraries' source code, because their registry was unavailable.

| client | works with |
| --- | --- |
| PHP, google/auth | `loopback`, `file` |
| .NET, Google.Apis.Auth | `file`, `metadata` |
";

/// Compares the committed tables with the results, or writes them.
pub(crate) fn compare_or_update(rows: &mut [Row], update: bool, print: impl Fn(&str)) -> Result<bool> {
    if !update {
        let committed = std::fs::read_to_string(Path::new(ROOT).join(TABLE));
        ignore_unpinned_versions(rows, &committed.context(format_args!("failed to read {TABLE}"))?);
    }
    let rows = &*rows;
    let skipped: Vec<_> = rows.iter().filter(|row| row.is_skipped()).map(|row| &*row.client.title).collect();
    if update && !skipped.is_empty() {
        return Err(Error::new("--update needs every client, but some were skipped"));
    }
    let (tried, longer) = (version_file::read()?, LONGER.read()?);
    let mut matches = compare(TABLE, update, &print, |committed| {
        let clients = || rows.iter().map(|row| &row.client);
        let sections =
            longer_column::section(clients(), &longer) + &version_table::section(clients(), &tried);
        let found = format!("{HEADER}{}{sections}{}{FOOTER}", table(rows, &longer), errors(rows));
        Ok((without_clients(&skipped, committed), without_clients(&skipped, &found)))
    })?;
    if skipped.is_empty() {
        matches &= compare(LANGUAGES_PAGE, update, &print, |committed| {
            let found = with_languages(committed, rows, &tried)
                .context("docs/src/languages.md: expected the marks of the languages table")?;
            Ok((committed.to_owned(), found))
        })?;
    }
    Ok(matches)
}

/// Gives each client without a pinned version the version of the committed table.
fn ignore_unpinned_versions(rows: &mut [Row], table: &str) {
    for row in rows.iter_mut().filter(|row| row.client.unpinned) {
        let start = format!("| {} | ", row.client.title);
        let cells = table.lines().find_map(|line| line.strip_prefix(&*start));
        if let Some((version, _)) = cells.and_then(|cells| cells.split_once(" |")) {
            version.clone_into(&mut row.versions);
        }
    }
}

/// Compares or writes a file. `texts` receives the committed text and returns the expected and the actual text.
pub(crate) fn compare(
    name: &str,
    update: bool,
    print: impl Fn(&str),
    texts: impl Fn(&str) -> Result<(String, String)>,
) -> Result<bool> {
    let path = Path::new(ROOT).join(name);
    let committed = std::fs::read_to_string(&path).context(format_args!("failed to read {name}"))?;
    let (expected, found) = texts(&committed)?;
    if update {
        std::fs::write(&path, found).context(format_args!("failed to write {name}"))?;
    } else if expected != found {
        let diff = TextDiff::from_lines(&expected, &found);
        print(&diff.unified_diff().header(name, "results").to_string());
        print(&format!(
            "{name} differs from the results. If the change is intended, run tests/conformance/run --update"
        ));
        return Ok(false);
    }
    print(&format!("{name} matches the results."));
    Ok(true)
}

/// Removes the lines about these clients.
fn without_clients(clients: &[&str], text: &str) -> String {
    let is_about = |line: &str, client: &&str| {
        line.strip_prefix("| ").or(line.strip_prefix("- ")).is_some_and(|line| line.starts_with(*client))
    };
    text.split_inclusive('\n').filter(|line| !clients.iter().any(|client| is_about(line, client))).collect()
}

/// Returns the page with a table of the annotation and the versions for each client. The annotation is the first source,
/// in the order of [`ResultCell::all`], that works in every run.
fn with_languages(page: &str, rows: &[Row], tried: &VersionFile) -> Option<String> {
    let (before, rest) = page.split_once(LANGUAGES_MARKS[0])?;
    let (_, after) = rest.split_once(LANGUAGES_MARKS[1])?;
    let mut sources: Vec<Option<&str>> = Vec::new();
    for source in columns().into_iter().map(|(_, source)| Some(source)).chain([None]) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let mut table =
        String::from("| your app uses | annotation | versions that work with it |\n| --- | --- | --- |\n");
    for source in sources {
        for row in rows.iter().filter(|row| first_working_source(row) == source) {
            let versions = match (source, tried.get(&row.client.name)) {
                (Some(source), Some(tried)) => search::ranges(tried, source),
                _ => row.versions.clone(),
            };
            let _ = writeln!(table, "| {} | {} | {versions} |", row.client.title, annotation(source));
        }
    }
    Some([before, LANGUAGES_MARKS[0], &table, LANGUAGES_MARKS[1], after].concat())
}

fn first_working_source(row: &Row) -> Option<&'static str> {
    columns().into_iter().find(|&column| summary(row, column) == "yes").map(|(_, source)| source)
}

pub(crate) fn annotation(source: Option<&str>) -> String {
    let (_, default) = columns()[0];
    match source {
        Some(source) if source == default => format!("none: `{source}` is the default"),
        Some(source) => format!("`rolebridge.io/source: {source}`"),
        None => "none works".to_owned(),
    }
}

/// Renders one line for each client and one column for each pair of source and identity.
pub(crate) fn table(rows: &[Row], longer: &ProgramResults) -> String {
    let mut text = String::from("| client | version |");
    for (identity, source) in columns() {
        let _ = write!(text, " {} |", column_title(identity, source));
    }
    let _ = write!(text, " {} | use instead |\n| --- | --- |", longer_column::TITLE);
    text += &" --- |".repeat(columns().len() + 2);
    text.push('\n');
    for row in rows {
        let _ = write!(text, "| {} | {} |", row.client.title, row.versions);
        for column in columns() {
            let _ = write!(text, " {} |", summary(row, column));
        }
        let _ = writeln!(text, " {} | {} |", longer_column::cell(&row.client, longer), row.client.advice);
    }
    text
}

/// Returns the title of the column of an identity and a source.
pub(crate) fn column_title(identity: &str, source: &str) -> String {
    format!("`{identity}` by `{source}`")
}

/// Renders each client's error messages, each once with all of its cells.
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
    if text.is_empty() { text } else { format!("\n## Error messages\n\n{text}") }
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
        cells.iter().filter(|(_, result)| result.is_success()).map(|(cell, _)| cell.access.name()).collect();
    if working.len() == cells.len() {
        "yes".to_owned()
    } else if working.is_empty() {
        "no".to_owned()
    } else {
        format!("{} only", working.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    /// A version that is not pinned is another one each day, on each machine.
    #[test]
    fn version_of_the_table_is_compared_unless_it_is_not_pinned() {
        let table = std::fs::read_to_string(Path::new(ROOT).join(TABLE)).unwrap();
        let version = |client| Row { client, versions: "client 0.0.1".to_owned(), cells: Vec::new() };
        let mut rows: Vec<_> = client::read_libraries().unwrap().into_iter().map(version).collect();
        ignore_unpinned_versions(&mut rows, &table);
        assert!(rows.iter().any(|row| row.client.unpinned));
        for row in rows {
            assert_eq!(row.versions != "client 0.0.1", row.client.unpinned, "{}", row.client.title);
        }
    }
}
