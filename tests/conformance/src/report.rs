//! The table, as text and as `docs/clients.md`.

use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Failure, Result};
use similar::TextDiff;

use crate::cell::{Cell, Outcome};
use crate::client::Client;
use crate::works;

/// A client and its cells.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) client: Client,
    pub(crate) versions: String,
    pub(crate) cells: Vec<(Cell, Outcome)>,
}

impl Row {
    /// Whether it was not installed in time; the committed table says of it what it said.
    pub(crate) const fn is_left_out(&self) -> bool {
        self.cells.is_empty()
    }
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TABLE: &str = "docs/clients.md";
const README: &str = "README.md";
/// Between these the README says which annotation to use.
const MARKS: [&str; 2] = ["<!-- languages: made by `make conformance` -->\n", "<!-- end of languages -->"];

const HEAD: &str = "<!-- made by `make conformance` -->
# Which Google library works with which source

Each cell is made of runs of the stock library in an injected pod, against fake clouds at Google's own names: it fetched an
object (or a table) as the right principal. With `aws-role` it did so by itself and as a service account. To a library
`aws-jwt` and `kubernetes` are the same, a token in a file: the one was run as a service account, the other by itself.
`loopback` has no meaning with them. Where a library says no, the last column has what to use.

";

const TAIL: &str = "
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
pub(crate) fn settle(rows: &[Row], update: bool, say: impl Fn(&str)) -> Result<bool> {
    let left_out: Vec<_> =
        rows.iter().filter(|row| row.is_left_out()).map(|row| &*row.client.title).collect();
    if update && !left_out.is_empty() {
        return Err(Failure::new("the tables need every client: some were left out"));
    }
    let mut holds = compare(TABLE, update, &say, |committed| {
        let found = format!("{HEAD}{}{}{TAIL}", table(rows), refusals(rows));
        Ok((without(&left_out, committed), without(&left_out, &found)))
    })?;
    if left_out.is_empty() {
        holds &= compare(README, update, &say, |committed| {
            let found =
                with_languages(committed, rows).context("README.md has no place for the languages")?;
            Ok((committed.to_owned(), found))
        })?;
    }
    Ok(holds)
}

/// `tell` makes of the committed text what is to be compared, and what was found.
fn compare(
    name: &str,
    update: bool,
    say: impl Fn(&str),
    tell: impl Fn(&str) -> Result<(String, String)>,
) -> Result<bool> {
    let path = Path::new(ROOT).join(name);
    let committed = std::fs::read_to_string(&path).context(format_args!("read {name}"))?;
    let (expected, found) = tell(&committed)?;
    if update {
        std::fs::write(&path, found).context(format_args!("write {name}"))?;
    } else if expected != found {
        let diff = TextDiff::from_lines(&expected, &found);
        say(&diff.unified_diff().header(name, "found").to_string());
        say(&format!("{name} is not what was found. If that is meant to be: tests/conformance/run --update"));
        return Ok(false);
    }
    say(&format!("{name} holds."));
    Ok(true)
}

/// The lines that are about none of these clients.
fn without(clients: &[&str], text: &str) -> String {
    let about = |line: &str, client: &&str| {
        line.strip_prefix("| ").or(line.strip_prefix("- ")).is_some_and(|line| line.starts_with(*client))
    };
    text.split_inclusive('\n').filter(|line| !clients.iter().any(|client| about(line, client))).collect()
}

/// The README with what each client needs: the first source, in the order of [`Cell::all`], that works whole.
fn with_languages(readme: &str, rows: &[Row]) -> Option<String> {
    let (before, rest) = readme.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    let mut sources: Vec<Option<&str>> = Vec::new();
    for source in columns().into_iter().map(|(_, source)| Some(source)).chain([None]) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    let mut table = String::from("| your app uses | annotation |\n| --- | --- |\n");
    for source in sources {
        let clients: Vec<_> =
            rows.iter().filter(|row| needs(row) == source).map(|row| &*row.client.title).collect();
        if !clients.is_empty() {
            let _ = writeln!(table, "| {} | {} |", clients.join("; "), annotation(source));
        }
    }
    Some([before, MARKS[0], &table, MARKS[1], after].concat())
}

fn needs(row: &Row) -> Option<&'static str> {
    columns().into_iter().find(|&column| verdict(row, column) == "yes").map(|(_, source)| source)
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
            let _ = write!(text, " {} |", verdict(row, column));
        }
        let _ = writeln!(text, " {} |", row.client.advice);
    }
    text
}

/// What each library says where it does not work, once for all cells in which it says that.
fn refusals(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let mut said: Vec<(&str, Vec<String>)> = Vec::new();
        for (cell, outcome) in &row.cells {
            let Outcome::No { error } = outcome else { continue };
            match said.iter_mut().find(|(known, _)| known == error) {
                Some((_, cells)) => cells.push(cell.to_string()),
                None => said.push((error, vec![cell.to_string()])),
            }
        }
        for (error, cells) in said {
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
    let mut columns: Vec<_> = Cell::all().iter().map(|cell| (cell.identity.name(), cell.source)).collect();
    columns.dedup();
    columns
}

fn verdict(row: &Row, column: (&str, &str)) -> String {
    let of_column: Vec<_> =
        row.cells.iter().filter(|(cell, _)| (cell.identity.name(), cell.source) == column).collect();
    let good: Vec<_> =
        of_column.iter().filter(|(_, outcome)| works(outcome)).map(|(cell, _)| cell.access.name()).collect();
    if good.len() == of_column.len() {
        "yes".to_owned()
    } else if good.is_empty() {
        "no".to_owned()
    } else {
        format!("{} only", good.join(", "))
    }
}
