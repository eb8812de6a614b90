//! `docs/src/signing.md`: the tables, the lines of each program that ran, and the error messages.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Result};

use crate::client::{Client, Reads};
use crate::program_results::{ProgramResult, ProgramResults};
use crate::result_cell::{Access, ResultCell};
use crate::search::WORKS;

const HEADER: &str = include_str!("header.md");
const NOT_RUN: &str = include_str!("not-run.md");
const ID_TOKENS: &str = include_str!("id-tokens.md");
const IAP: &str = include_str!("iap.md");

/// The parts of the page: what the programs read, the introduction, the text after the table, and the title of the errors.
const PARTS: [(Reads, &str, &str, &str); 3] = [
    (Reads::SignedUrl, HEADER, NOT_RUN, "Error messages"),
    (Reads::Service, ID_TOKENS, "", "Error messages of ID tokens"),
    (Reads::Application, IAP, "", "Error messages of IAP"),
];

/// A program with its results.
type Row<'a> = (&'a Client, &'a ProgramResult);

/// Renders the page from the committed results.
pub(super) fn render(programs: &[Client], results: &ProgramResults) -> Result<String> {
    let rows: Vec<Row<'_>> =
        programs.iter().filter_map(|program| Some((program, results.get(&program.name)?))).collect();
    let mut text = String::new();
    for (reads, introduction, rest, title) in PARTS {
        let rows: Vec<_> = rows.iter().filter(|(program, _)| program.reads == reads).copied().collect();
        text += introduction;
        text += &table(&rows);
        text += rest;
        let mut shown = BTreeSet::new();
        for (program, _) in &rows {
            let signing = program.signing.as_ref().context(format_args!("{}: no signing", program.name))?;
            let file = program.here.join(&signing.code);
            if shown.insert(file.clone()) {
                text += &code(&program.title, &file)?;
            }
        }
        let _ = write!(text, "\n### {title}\n\n");
        text.extend(rows.iter().map(errors));
    }
    Ok(text)
}

fn sources() -> Vec<&'static str> {
    let mut sources: Vec<_> = ResultCell::of_program(false).iter().map(|cell| cell.source).collect();
    sources.dedup();
    sources
}

fn table(rows: &[Row<'_>]) -> String {
    let columns = sources().iter().fold(String::new(), |columns, source| columns + &format!(" `{source}` |"));
    let rule = " --- |".repeat(sources().len());
    let mut text = format!(
        "| library or program |{columns} direct access | version | what it needs |\n| --- |{rule} --- | --- | --- |\n"
    );
    for (program, result) in rows {
        let works = |source, access| {
            let cell = ResultCell::of_program(false)
                .into_iter()
                .find(|cell| (cell.source, cell.access) == (source, access));
            cell.and_then(|cell| result.cell(cell)) == Some(WORKS)
        };
        let word = |works| if works { WORKS } else { "no" };
        let cells = sources().into_iter().fold(String::new(), |cells, source| {
            cells + &format!(" {} |", word(works(source, Access::Impersonated)))
        });
        let direct = match sources().into_iter().any(|source| works(source, Access::Direct)) {
            true if program.signing.as_ref().is_some_and(|signing| signing.impersonates) => {
                "yes, where the account lets the principal impersonate it"
            }
            works => word(works),
        };
        let (title, versions, needs) = (&program.title, &result.versions, &program.advice);
        let _ = writeln!(text, "| {title} |{cells} {direct} | {versions} | {needs} |");
    }
    text
}

/// Renders the lines of a program.
fn code(title: &str, file: &Path) -> Result<String> {
    let lines = std::fs::read_to_string(file).context(format_args!("failed to read {}", file.display()))?;
    let extension = file.extension().unwrap_or_default().to_string_lossy();
    let (language, first) = match &*extension {
        "py" => ("python", ""),
        "mjs" => ("js", ""),
        "rb" => ("ruby", ""),
        "rs" => ("rust", ""),
        "sh" => ("sh", "# Needs a cloud.\n"),
        other => (other, ""),
    };
    Ok(format!("\n### {title}\n\n```{language}\n{first}{lines}```\n"))
}

/// Renders a program's error messages, each once with all of its cells.
fn errors((program, result): &Row<'_>) -> String {
    let mut errors: Vec<(&str, Vec<&str>)> = Vec::new();
    for (cell, error) in result.results.iter().filter(|(_, error)| *error != WORKS) {
        match errors.iter_mut().find(|(known, _)| known == error) {
            Some((_, cells)) => cells.push(cell),
            None => errors.push((error, vec![cell])),
        }
    }
    let line = |(error, cells): &(&str, Vec<&str>)| {
        format!("- {} ({}): `{}`\n", program.title, cells.join("; "), error.replace('`', "'"))
    };
    errors.iter().map(line).collect()
}
