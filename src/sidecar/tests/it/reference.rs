//! The tables of errors and metrics in the book are made from the code.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use rolebridge_doc_sync::{metrics as doc_metrics, section};
use rolebridge_sidecar::clock::Clock;
use rolebridge_sidecar::error::{Error, ErrorKind, Stage};
use rolebridge_sidecar::metrics::Metrics;
use rolebridge_sidecar::shared_state::SharedState;
use rolebridge_sidecar::token_kind::TokenClass;
use serde_json::Value;

use crate::aws_errors;

const REFERENCE: &str = "docs/src/reference.md";
const TROUBLESHOOTING: &str = "docs/src/troubleshooting.md";

fn error_row(kind: ErrorKind) -> String {
    let stage = match kind.stage() {
        Stage::ProjectedToken => "projected token",
        Stage::Connection => "connection",
        Stage::Response => "response",
        Stage::Publication => "publication",
    };
    let retried = if kind.is_permanent() { "slowly" } else { "soon" };
    format!("| `{}` | {stage} | {} | {retried} |\n", kind.code(), kind.message())
}

fn remediation_row(kind: ErrorKind) -> String {
    format!("| {} | {} | `{}` |\n", kind.message(), kind.remediation(), kind.code())
}

fn table(head: &str, row: fn(ErrorKind) -> String) -> String {
    let rows: String = ErrorKind::ALL.iter().copied().map(row).collect();
    format!("{head}\n{}|\n{rows}", "| --- ".repeat(head.matches('|').count() - 1))
}

#[test]
fn docs_list_every_error() {
    section::check(REFERENCE, "sidecar errors", &table("| code | stage | message | retried |", error_row));
    let remediations = table("| message | fix | code |", remediation_row);
    section::check(TROUBLESHOOTING, "sidecar errors", &remediations);
}

#[test]
fn docs_list_error_messages_of_aws() {
    let mut table = String::from("| text | code |\n| --- | --- |\n");
    for (name, _, kind, _) in aws_errors::CASES {
        writeln!(table, "| `{}` | `{kind}` |", aws_errors::body(name).1).unwrap();
    }
    section::check(TROUBLESHOOTING, "AWS STS messages", &table);
}

/// Compares the beginning of each message, which contains no names.
#[test]
fn docs_contain_error_messages_of_google() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../..").join(TROUBLESHOOTING)).unwrap();
    for file in fs::read_dir(here.join("tests/it/google-errors")).unwrap() {
        let body: Value = serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let text = body["error_description"].as_str().or_else(|| body["error"]["message"].as_str()).unwrap();
        let beginning: String = text.chars().take(30).collect();
        assert!(page.contains(&beginning), "{TROUBLESHOOTING} lacks {text:?}");
    }
}

#[test]
fn docs_list_every_metric() {
    let metrics = Metrics::default();
    // An error is listed once it has occurred.
    metrics.count_issue_error(TokenClass::Access, &Error::new(ErrorKind::Dns, ""));
    let page = metrics.render(&SharedState::default(), &Clock::system());
    section::check(REFERENCE, "the sidecar's metrics", &doc_metrics::table(&page));
    section::check("docs/src/public-names.md", "names of the sidecar's metrics", &doc_metrics::names(&page));
    section::check_file("tests/chart/metrics/sidecar.prom", &page);
}
