//! The section of `docs/clients.md` about versions, from `versions.yaml` alone. A test compares both.

use std::fmt::Write;

use crate::client::Client;
use crate::result_cell::ResultCell;
use crate::search::{self, TriedVersion};
use crate::version_file::VersionFile;

const HEADER: &str = "
## Versions

`make conformance-versions` runs older versions with `aws-role` as a service account: the oldest and the newest, and those at
a limit. A range begins and ends with versions that ran; `tests/conformance/versions.yaml` lists each of them. A Python library
ran as on its first day, with the Python and the dependencies of that time. A version that did not load then is not installable.
The others ran with the newest dependencies that they allow. Bun, Deno and jsdom ran with the newest google-auth-library.

| client | ran | works with `loopback` | works with `file` | works with `metadata` |
| --- | --- | --- | --- | --- |
";

/// The entry of a client that can be searched, but was not.
const NOT_YET: &str = "no version yet: `make conformance-versions` runs them";

/// Renders the section: a line for each client, and the error messages of the versions that do not work.
pub(crate) fn section<'a>(clients: impl Iterator<Item = &'a Client>, tried: &VersionFile) -> String {
    let sources: Vec<_> = ResultCell::of_versions().iter().map(|cell| cell.source).collect();
    let mut text = String::from(HEADER);
    let mut refused = String::new();
    for client in clients {
        let title = &client.title;
        let Some(tried) = tried.get(&client.name) else {
            let reason = client.no_releases.as_deref().unwrap_or(NOT_YET);
            let _ = writeln!(text, "| {title} | {reason} |{}", " |".repeat(sources.len()));
            continue;
        };
        let _ = write!(text, "| {title} | {} |", ran(tried));
        for source in &sources {
            let _ = write!(text, " {} |", search::ranges(tried, source));
        }
        text.push('\n');
        for source in &sources {
            for (error, versions) in failures(tried, source) {
                let versions = versions.join(", ");
                let error = error.replace('`', "'");
                let _ = writeln!(refused, "- {title}, `{source}`, {versions}: `{error}`");
            }
        }
    }
    if refused.is_empty() { text } else { format!("{text}\nThe others fail:\n\n{refused}") }
}

/// Returns the number of versions that ran with the first and the last one, and those that cannot be installed.
fn ran(tried: &[TriedVersion]) -> String {
    let (missing, ran): (Vec<_>, Vec<_>) = tried.iter().partition(|tried| tried.is_missing());
    let mut text = ran.len().to_string();
    match &ran[..] {
        [first, .., last] => {
            let _ = write!(text, ": {} to {}", first.version, last.version);
        }
        [only] => {
            let _ = write!(text, ": {}", only.version);
        }
        [] => {}
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.iter().map(|tried| tried.version.to_string()).collect();
        let _ = write!(text, "; not installable: {}", missing.join(", "));
    }
    text
}

/// Returns each error message with a source, and the versions that write it.
fn failures<'a>(tried: &'a [TriedVersion], source: &str) -> Vec<(&'a str, Vec<String>)> {
    let mut failures: Vec<(&str, Vec<String>)> = Vec::new();
    for tried in tried.iter().filter(|tried| !tried.works(source)) {
        let Some(error) = tried.results.get(source) else { continue };
        match failures.iter_mut().find(|(known, _)| known == error) {
            Some((_, versions)) => versions.push(tried.version.to_string()),
            None => failures.push((error, vec![tried.version.to_string()])),
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::report::{LANGUAGES_MARKS, LANGUAGES_PAGE, ROOT, TABLE};
    use crate::{client, version_file};

    /// Compares a page with its text made from the runs, or writes it: `UPDATE=1 cargo test -p rolebridge-conformance`.
    fn check(name: &str, expected: impl Fn(&str) -> String) {
        let path = Path::new(ROOT).join(name);
        let page = std::fs::read_to_string(&path).unwrap();
        let expected = expected(&page);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, expected).unwrap();
        } else {
            assert!(page == expected, "{name} differs from versions.yaml; UPDATE=1 rewrites it");
        }
    }

    /// Replaces the versions in the table of the page on languages, for the clients that were searched. The second column names
    /// the source.
    fn with_ranges(page: &str, clients: &[Client], tried: &VersionFile) -> String {
        let line = |line: &str| {
            let cells: Vec<_> = line.trim_end().trim_matches('|').split('|').map(str::trim).collect();
            let [title, annotation, _] = cells[..] else { return line.to_owned() };
            let client = clients.iter().find(|client| client.title == title);
            let tried = client.and_then(|client| tried.get(&client.name));
            let sources = ResultCell::of_versions();
            let source = sources.iter().find(|cell| {
                annotation.contains(&format!("`{}`", cell.source))
                    || annotation.contains(&format!("source: {}`", cell.source))
            });
            match (tried, source) {
                (Some(tried), Some(cell)) => {
                    format!("| {title} | {annotation} | {} |\n", search::ranges(tried, cell.source))
                }
                _ => line.to_owned(),
            }
        };
        page.split_inclusive('\n').map(line).collect()
    }

    #[test]
    fn pages_have_the_versions_that_ran() {
        let (clients, tried) = (client::read_libraries().unwrap(), version_file::read().unwrap());
        check(TABLE, |page| {
            let (before, rest) = page.split_once("\n## Versions\n").unwrap();
            let (_, after) = rest.split_once("\n## ").unwrap();
            format!("{before}{}\n## {after}", section(clients.iter(), &tried))
        });
        check(LANGUAGES_PAGE, |page| {
            let (before, rest) = page.split_once(LANGUAGES_MARKS[0]).unwrap();
            let (table, after) = rest.split_once(LANGUAGES_MARKS[1]).unwrap();
            let table = with_ranges(table, &clients, &tried);
            [before, LANGUAGES_MARKS[0], &table, LANGUAGES_MARKS[1], after].concat()
        });
    }

    #[test]
    fn version_that_cannot_be_installed_is_named() {
        let tried: Vec<TriedVersion> = serde_json::from_str(
            r#"[{"version": "1.0", "results": {"install": "cannot be installed"}},
                {"version": "1.1", "results": {"file": "refused"}}, {"version": "1.2", "results": {"file": "yes"}}]"#,
        )
        .unwrap();
        assert_eq!(ran(&tried), "2: 1.1 to 1.2; not installable: 1.0");
        assert_eq!(ran(&tried[1..2]), "1: 1.1");
        assert_eq!(failures(&tried, "file"), [("refused", vec!["1.1".to_owned()])]);
    }
}
