//! The column and the section of `docs/clients.md` about runs that are longer than a token, from `longer.yaml` alone.

use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Result};

use crate::client::{self, Client};
use crate::print;
use crate::program_results::{PROGRAMS, ProgramResults};
use crate::report::{self, ROOT, TABLE};
use crate::result_cell::ResultCell;
use crate::search::WORKS;

/// The title of the column.
pub(crate) const TITLE: &str = "longer than a token";

/// The beginning of the table's first line.
const TABLE_START: &str = "| client | version |";

const SECTION: &str = "
## Longer than a token

`make conformance-longer` runs each client in one process for longer than two lifetimes of everything, which are short then:
the AWS session, the subject token, Google's federated token and its impersonated one. The client fetches the object each
second, as a service account, with each source that works for `aws-role`. `yes` means that each fetch succeeded, that the
fakes issued at least three of each, and that they refused no call. `tests/conformance/longer.yaml` has a line for each run.
";

/// Returns the cell of a client: `yes`, `no`, the sources that work, or the reason why it has no such run.
pub(crate) fn cell(client: &Client, results: &ProgramResults) -> String {
    if let Some(reason) = &client.longer.none {
        return reason.clone();
    }
    let Some(result) = results.get(&client.name) else { return "not run".to_owned() };
    let ran: Vec<_> =
        wanted(client).into_iter().filter_map(|cell| Some((cell, result.cell(cell)?))).collect();
    let works =
        |(cell, result): &(ResultCell, &str)| (*result == WORKS).then(|| format!("`{}`", cell.source));
    let working: Vec<_> = ran.iter().filter_map(works).collect();
    if working.len() == ran.len() {
        let how =
            if client.longer.renews_after_refusal { ": it renews a token that Google refused" } else { "" };
        format!("{WORKS}{how}")
    } else if working.is_empty() {
        "no".to_owned()
    } else {
        format!("{} only", working.join(", "))
    }
}

/// Returns the cells of a client: its sources, as a service account.
fn wanted(client: &Client) -> Vec<ResultCell> {
    ResultCell::of_longer(client.job.as_ref().is_some_and(|job| job.metadata_host))
}

/// Renders the section, with the error messages of the runs that failed.
pub(crate) fn section<'a>(clients: impl Iterator<Item = &'a Client>, results: &ProgramResults) -> String {
    let failures: String = clients.map(|client| failures(client, results)).collect();
    if failures.is_empty() {
        SECTION.to_owned()
    } else {
        format!("{SECTION}\nThe others fail:\n\n{failures}")
    }
}

/// Renders a line for each run of a client that failed.
pub(crate) fn failures(client: &Client, results: &ProgramResults) -> String {
    let mut lines = String::new();
    for cell in wanted(client) {
        let result = results.get(&client.name).and_then(|result| result.cell(cell));
        if let Some(error) = result.filter(|result| *result != WORKS) {
            let _ = writeln!(
                lines,
                "- {} ({}, longer than a token): `{}`",
                client.title,
                cell.source,
                error.replace('`', "'")
            );
        }
    }
    lines
}

/// Returns the cells of the sources that work for `aws-role` in a single run: for a program by its results, for a library by
/// the table on its page.
pub(crate) fn working(client: &Client) -> Result<Vec<ResultCell>> {
    if client.job.is_some() {
        let results = PROGRAMS.read()?;
        let works =
            |cell: &ResultCell| results.get(&client.name)?.cell(*cell).filter(|result| *result == WORKS);
        return Ok(wanted(client).into_iter().filter(|cell| works(cell).is_some()).collect());
    }
    let page = std::fs::read_to_string(Path::new(ROOT).join(TABLE)).context("failed to read the table")?;
    let head = page.lines().find(|line| line.starts_with(TABLE_START)).map(cells);
    let row = page.lines().map(cells).find(|cells| cells.first() == Some(&&*client.title));
    let (head, row) = head.zip(row).context(format_args!("{TABLE} has no {}", client.name))?;
    let works = |cell: &ResultCell| {
        let title = report::column_title(cell.identity.name(), cell.source);
        head.iter().zip(&row).any(|(column, value)| *column == title && *value == WORKS)
    };
    Ok(wanted(client).into_iter().filter(works).collect())
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_end().trim_matches('|').split('|').map(str::trim).collect()
}

/// Compares the page with the results, or writes it.
pub(crate) fn compare_or_update(results: &ProgramResults, update: bool) -> Result<bool> {
    let clients = client::read_libraries()?;
    report::compare(TABLE, update, print, |page| {
        let found = with_results(page, &clients, results)
            .context("expected the table of clients and the section on runs that are longer than a token")?;
        Ok((page.to_owned(), found))
    })
}

/// Returns the page with its column and its section made from the results.
fn with_results(page: &str, clients: &[Client], results: &ProgramResults) -> Option<String> {
    let (table, rest) = page.split_once("\n## ")?;
    let (_, after) = rest.split_once("\n## ")?;
    let head = cells(table.lines().find(|line| line.starts_with(TABLE_START))?);
    let column = head.iter().position(|title| *title == TITLE)?;
    let mut text = String::new();
    for line in table.lines() {
        let mut cells = cells(line);
        let client = clients.iter().find(|client| Some(&&*client.title) == cells.first());
        let cell = client.map(|client| cell(client, results));
        match (&cell, cells.get_mut(column)) {
            (Some(cell), Some(value)) => {
                *value = cell;
                let _ = writeln!(text, "| {} |", cells.join(" | "));
            }
            _ => {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    Some(format!("{text}{}\n## {after}", section(clients.iter(), results)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program_results::{LONGER, PROGRAMS_LONGER};

    #[test]
    fn page_has_the_results_of_the_file() {
        let update = std::env::var_os("UPDATE").is_some();
        assert!(
            compare_or_update(&LONGER.read().unwrap(), update).unwrap(),
            "{TABLE} differs from longer.yaml; UPDATE=1 rewrites it"
        );
    }

    #[test]
    fn every_client_has_a_result_for_each_working_source_or_a_reason() {
        let libraries = (client::read_libraries().unwrap(), LONGER.read().unwrap());
        let programs = (client::read_all("programs").unwrap(), PROGRAMS_LONGER.read().unwrap());
        for (clients, results) in [libraries, programs] {
            for client in clients {
                let ran = results.get(&client.name).map(|result| result.results.len());
                let expected = client.longer.none.is_none().then(|| working(&client).unwrap().len());
                assert_eq!(ran, expected, "{}: number of results of runs longer than a token", client.name);
            }
        }
    }
}
