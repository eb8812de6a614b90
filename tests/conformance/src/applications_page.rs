//! `docs/src/applications.md`: a table for each topic, then the error messages.

use std::fmt::Write;

use crate::client::Client;
use crate::job::{Job, Topic};
use crate::longer_column;
use crate::program_results::{ProgramResult, ProgramResults};
use crate::report::annotation;
use crate::result_cell::{Access, ResultCell};
use crate::search::WORKS;

const HEADER: &str = "<!-- made by `make applications` -->
# Programs

Each cell shows the result of runs of the unmodified program in an injected pod, with the identity `aws-role`. A library, or a
part of a controller such as KEDA or Velero, ran in a small program around the unmodified module. Google's own host names led to
fakes, which checked each access token, recorded its principal, and passed most calls to emulators.

In a successful run the program did its job, and every call of Google came from the expected principal:

- with direct access, the federated principal `principal://iam.googleapis.com/…/subject/…`;
- with `rolebridge.io/service-account`, that account.

`yes` means both. Only programs that have Google's own name of the metadata server compiled in ran with `metadata-host`. The others
have a dash (–) there.

Python's library, gcloud and bq read `file` only with the identities `aws-jwt` and `kubernetes`. So their rows have \"no\" for
`file`, and advise `loopback` or `metadata`.

Longer than a token: the program repeated a part of its job each second, or did one long job, in one process and as the service
account. It did so for longer than two lifetimes of everything, which `make applications-longer` shortens: the AWS session, the
subject token, Google's federated token and its impersonated one. The fakes refused no call. `yes` means each source that works.
[Your language](languages.md) has the libraries, [Signed URLs and ID tokens](signing.md) the programs that sign or call Cloud Run.
";

const NOT_RUN: &str = include_str!("programs-not-run.md");

/// Renders the page from the committed results.
pub(crate) fn render(programs: &[Client], results: &ProgramResults, longer: &ProgramResults) -> String {
    let mut text = HEADER.to_owned();
    let rows: Vec<_> = programs
        .iter()
        .filter_map(|program| Some((program, program.job.as_ref()?, results.get(&program.name)?)))
        .collect();
    for topic in Topic::ALL {
        let of_topic: Vec<_> = rows.iter().filter(|(_, job, _)| job.topic == topic).collect();
        if of_topic.is_empty() {
            continue;
        }
        let _ = write!(text, "\n## {}\n\n{}", topic.title(), table_head());
        for (program, job, result) in of_topic {
            let _ = writeln!(text, "{}", row(program, job, result, longer));
        }
    }
    let errors = rows
        .iter()
        .map(|(program, _, result)| errors(program, result) + &longer_column::failures(program, longer));
    let errors: String = errors.collect();
    text += NOT_RUN;
    if errors.is_empty() { text } else { format!("{text}\n## Error messages\n\n{errors}") }
}

fn sources() -> Vec<&'static str> {
    let mut sources: Vec<_> = ResultCell::of_program(true).iter().map(|cell| cell.source).collect();
    sources.dedup();
    sources
}

fn table_head() -> String {
    let sources = sources();
    let columns = sources.iter().fold(String::new(), |columns, source| columns + &format!(" `{source}` |"));
    let rule = " --- |".repeat(sources.len());
    format!(
        "| program | annotation | what it did |{columns} {} | version | notes |\n| --- | --- | --- |{rule} --- | --- | --- |\n",
        longer_column::TITLE
    )
}

fn row(program: &Client, job: &Job, result: &ProgramResult, longer: &ProgramResults) -> String {
    let cells: Vec<_> = sources().into_iter().map(|source| (source, summary(job, result, source))).collect();
    let with = |works: fn(&str) -> bool| cells.iter().find(|(_, summary)| works(summary));
    let first = with(|summary| summary == WORKS).or_else(|| with(|summary| summary.ends_with("only")));
    let first = first.map(|(source, _)| *source);
    let cells = cells.iter().fold(String::new(), |cells, (_, summary)| cells + &format!(" {summary} |"));
    let (does, versions, notes) = (&job.does, &result.versions, &program.advice);
    let longer = longer_column::cell(program, longer);
    format!("| {} | {} | {does} |{cells} {longer} | {versions} | {notes} |", program.title, annotation(first))
}

/// Returns `yes`, `no`, the accesses that work, or a dash for a source that did not run.
fn summary(job: &Job, result: &ProgramResult, source: &str) -> String {
    let mut cells = ResultCell::of_program(job.metadata_host);
    cells.retain(|cell| cell.source == source);
    if cells.is_empty() {
        return "–".to_owned();
    }
    let works = |cell: &&ResultCell| result.cell(**cell) == Some(WORKS);
    let working: Vec<_> = cells.iter().filter(works).map(|cell| Access::name(cell.access)).collect();
    if working.len() == cells.len() {
        WORKS.to_owned()
    } else if working.is_empty() {
        "no".to_owned()
    } else {
        format!("{} only", working.join(", "))
    }
}

/// Renders a program's error messages, each once with all of its cells.
fn errors(program: &Client, result: &ProgramResult) -> String {
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
