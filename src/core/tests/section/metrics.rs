//! A table of metrics, made from a page that Prometheus would read.

#![expect(clippy::expect_used, reason = "what helps a test may panic as the test may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Labels with more values than a row has room for: they are tables of their own, or bounds of a histogram.
const LONG: [&str; 2] = ["reason", "le"];

/// Name, type, labels with their values, meaning.
pub(crate) fn table(page: &str) -> String {
    let mut table = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for family in page.split("# HELP ").skip(1) {
        let (help, samples) = family.split_once("\n# TYPE ").expect("a type follows the help");
        let (name, help) = help.split_once(' ').expect("a name and its help");
        let (kind, samples) = samples.split_once('\n').unwrap_or((samples, ""));
        let kind = kind.rsplit(' ').next().unwrap_or_default();
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels(samples)).expect("a string takes it");
    }
    table
}

fn labels(samples: &str) -> String {
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let inside = samples.lines().filter_map(|line| Some(line.split_once('{')?.1.split_once('}')?.0));
    for (label, value) in inside.flat_map(|inside| inside.split(',')).filter_map(|one| one.split_once('=')) {
        labels.entry(label).or_default().insert(value.trim_matches('"'));
    }
    let shown = labels.iter().map(|(label, values)| {
        let values: Vec<_> = values.iter().copied().filter(|value| !value.is_empty()).collect();
        if LONG.contains(label) { format!("`{label}`") } else { format!("`{label}`: {}", values.join(", ")) }
    });
    shown.collect::<Vec<_>>().join("; ")
}
