//! Tables of metrics, rendered from a Prometheus exposition.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Labels with too many values for a table row: they have their own tables, or are bounds of a histogram.
const LONG_LABELS: [&str; 2] = ["reason", "le"];

/// Renders a Markdown table of metrics: name, type, labels with their values, meaning.
///
/// # Panics
/// Panics if the text is not a Prometheus exposition with `HELP` and `TYPE` lines.
#[must_use]
pub fn table(exposition: &str) -> String {
    let mut table = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for family in exposition.split("# HELP ").skip(1) {
        let (help, samples) = family.split_once("\n# TYPE ").expect("HELP is followed by TYPE");
        let (name, help) = help.split_once(' ').expect("HELP has a name and a text");
        let (kind, samples) = samples.split_once('\n').unwrap_or((samples, ""));
        let kind = kind.rsplit(' ').next().unwrap_or_default();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels(samples))
            .expect("writing to a string succeeds");
    }
    table
}

/// Renders a Markdown table of the names of metrics and labels with the labels' values, without meanings.
///
/// # Panics
/// Panics in the same cases as [`table`].
#[must_use]
pub fn names(exposition: &str) -> String {
    let mut names = String::from("| metric | labels |\n| --- | --- |\n");
    for family in exposition.split("# HELP ").skip(1) {
        let (name, _) = family.split_once(' ').expect("HELP has a name and a text");
        let (_, samples) = family.split_once("\n# TYPE ").expect("HELP is followed by TYPE");
        writeln!(names, "| `{name}` | {} |", labels(samples)).expect("writing to a string succeeds");
    }
    names
}

fn labels(samples: &str) -> String {
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let pairs = samples.lines().filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0));
    for (label, value) in pairs.flat_map(|pairs| pairs.split(',')).filter_map(|pair| pair.split_once('=')) {
        labels.entry(label).or_default().insert(value.trim_matches('"'));
    }
    let cells = labels.iter().map(|(label, values)| {
        let values: Vec<_> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        if LONG_LABELS.contains(label) {
            format!("`{label}`")
        } else {
            format!("`{label}`: {}", values.join(", "))
        }
    });
    cells.collect::<Vec<_>>().join("; ")
}
