//! The table and the figure of the book's page on scale.

use std::fmt::Write;
use std::path::Path;

use rolebridge_tests::error::{Context, Error, Result};

use crate::plot;
use crate::record::{Call, Record};
use crate::scenario::Scenario;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "docs/src/scale.md";
const FIGURE: &str = "docs/scale.svg";
const MARKS: [&str; 2] = ["<!-- simulation: made by `make simulate` -->\n", "<!-- end of simulation -->"];

/// A scenario, and what was recorded.
pub(crate) type Results = Vec<(Scenario, Record)>;

/// Returns the table in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let mut text = "| scenario | AWS STS, most in a second | Google STS, most in a minute | IAM Credentials, most in a \
        minute | calls over a quota | first token: half of the apps, 99 %, all | apps without a token later |\n| --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for (scenario, record) in results {
        let rejected: u64 = Call::ALL.into_iter().map(|call| record.rejected(call)).sum();
        let waits = [0.5, 0.99, 1.0].map(|fraction| seconds(record.first_token(fraction).as_secs_f64()));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            scenario.name,
            grouped(record.peak_second(Call::AssumeRole).into()),
            grouped(record.peak_minute(Call::Exchange).into()),
            grouped(record.peak_minute(Call::Impersonate).into()),
            grouped(rejected),
            waits.join(", "),
            grouped(record.interrupted.into())
        );
    }
    text
}

fn seconds(seconds: f64) -> String {
    if seconds < 100.0 { format!("{seconds:.1} s") } else { format!("{:.0} min", seconds / 60.0) }
}

/// Returns a number with commas between groups of three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// Writes the table and the figure. With `check`, compares the committed ones instead, and returns an error if they differ.
pub(crate) fn write(results: &Results, check: bool) -> Result<()> {
    let page = read(PAGE)?;
    let page =
        with_table(&page, &table(results)).context(format!("{PAGE}: expected the marks of the table"))?;
    for (name, text) in [(PAGE, page), (FIGURE, plot::figure(results))] {
        if !check {
            std::fs::write(Path::new(ROOT).join(name), text).context(format!("failed to write {name}"))?;
        } else if read(name).ok().as_ref() != Some(&text) {
            return Err(Error::new(format!("{name} differs from the simulation. Fix: run `make simulate`.")));
        }
    }
    Ok(())
}

fn read(name: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(ROOT).join(name)).context(format!("failed to read {name}"))
}

fn with_table(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some([before, MARKS[0], table, MARKS[1], after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_each_scenario() {
        let page = read(PAGE).unwrap();
        let (_, rest) = page.split_once(MARKS[0]).unwrap();
        let (rows, _) = rest.split_once(MARKS[1]).unwrap();
        let found: Vec<_> = rows.lines().skip(2).map(|row| row.split(" | ").next().unwrap()).collect();
        let expected: Vec<_> = Scenario::read_all().unwrap();
        let expected: Vec<_> = expected.iter().map(|scenario| format!("| {}", scenario.name)).collect();
        assert_eq!(found, expected, "run `make simulate`");
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
