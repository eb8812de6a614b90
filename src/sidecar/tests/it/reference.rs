//! The book's tables of faults and metrics are the ones in the code.

#[path = "../../../core/tests/section/metrics.rs"]
mod listed;
#[path = "../../../core/tests/section/mod.rs"]
mod section;

use std::fmt::Write;
use std::fs;
use std::path::Path;

use rolebridge_sidecar::board::Board;
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::fault::{Fault, Hop, Reason};
use rolebridge_sidecar::metrics::{Metrics, TokenClass};
use serde_json::Value;

use crate::faults;

const PAGE: &str = "docs/src/reference.md";
const TROUBLES: &str = "docs/src/troubleshooting.md";

fn fault(reason: Reason) -> String {
    let hop = match reason.hop() {
        Hop::ProjectedToken => "projected token",
        Hop::Connection => "connection",
        Hop::Answer => "answer",
        Hop::Publication => "publication",
    };
    let retried = if reason.is_lasting() { "slowly" } else { "soon" };
    format!("| `{}` | {hop} | {} | {retried} |\n", reason.code(), reason.cause())
}

fn mend(reason: Reason) -> String {
    format!("| {} | {} | `{}` |\n", reason.cause(), reason.mend(), reason.code())
}

fn table(head: &str, row: fn(Reason) -> String) -> String {
    let rows: String = Reason::ALL.iter().copied().map(row).collect();
    format!("{head}\n{}|\n{rows}", "| --- ".repeat(head.matches('|').count() - 1))
}

#[test]
fn the_book_lists_every_fault() {
    section::hold(PAGE, "faults", &table("| code | hop | what is wrong | retried |", fault));
    let mends = table("| what is wrong | what mends it | code |", mend);
    section::hold(TROUBLES, "faults", &mends);
}

#[test]
fn the_book_lists_what_aws_says() {
    let mut table = String::from("| text | the sidecar's code |\n| --- | --- |\n");
    for (name, _, reason, _) in faults::CASES {
        writeln!(table, "| `{}` | `{reason}` |", faults::body(name).1).unwrap();
    }
    section::hold(TROUBLES, "what AWS STS says", &table);
}

/// Its own words as far as they name nobody.
#[test]
fn the_book_has_what_google_says() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../..").join(TROUBLES)).unwrap();
    for file in fs::read_dir(here.join("tests/it/google-errors")).unwrap() {
        let body: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let text = body["error_description"].as_str().or_else(|| body["error"]["message"].as_str()).unwrap();
        let begin: String = text.chars().take(30).collect();
        assert!(page.contains(&begin), "{TROUBLES} has no {text:?}");
    }
}

#[test]
fn the_reference_lists_every_metric() {
    let metrics = Metrics::default();
    // Its outcome is listed once it has happened.
    metrics.not_made(TokenClass::Access, &Fault::new(Reason::Dns, ""));
    let page = metrics.render(&Board::default(), &Clock::system());
    section::hold(PAGE, "the sidecar's metrics", &listed::table(&page));
}
