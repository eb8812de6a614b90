//! Checks that the documentation lists the denials and warnings of the cases, without the cases' own values.

use std::collections::BTreeSet;
use std::fmt::Write;

use rolebridge_doc_sync::section;
use rolebridge_inject::{Decision, Reason};

use crate::case::{Case, files};

const PAGE: &str = "docs/src/troubleshooting.md";

/// Replaces the found value and the origin of a setting by `…`.
fn generalize(message: &str) -> String {
    let Some((before, rest)) = message.split_once(", found \"") else { return without_origin(message) };
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let after = end.map_or("", |end| rest[end + 1..].trim_start_matches('…'));
    without_origin(&format!("{before}, found \"…\"{after}"))
}

fn without_origin(message: &str) -> String {
    let is_setting =
        ["rolebridge.io/", "eks.amazonaws.com/", "AWS_"].iter().any(|start| message.starts_with(start));
    let Some((location, rest)) = message.split_once(": expected ").filter(|_| is_setting) else {
        return message.to_owned();
    };
    match location.split_once(' ') {
        Some((key, _)) => format!("{key} …: expected {rest}"),
        None => message.to_owned(),
    }
}

#[test]
fn documentation_lists_every_denial() {
    let mut denials = BTreeSet::new();
    for case in files().iter().map(|path| Case::read(path)) {
        if let Decision::Deny(denial) = case.admit(&case.pod).decision {
            denials.insert((denial.reason, generalize(&denial.message)));
        }
    }
    let reasons: BTreeSet<Reason> = denials.iter().map(|(reason, _)| *reason).collect();
    let mut table = String::from("| code | sentence |\n| --- | --- |\n");
    for (reason, message) in &denials {
        writeln!(table, "| `{}` | {message} |", reason.code()).unwrap();
    }
    section::check(PAGE, "denials", &table);
    let never_denied = [Reason::NotOptedIn, Reason::OptedOut, Reason::MirrorPod, Reason::AlreadyInjected];
    for reason in Reason::ALL.iter().filter(|reason| !never_denied.contains(reason)) {
        assert!(reasons.contains(reason), "no case is denied for {}", reason.code());
    }
}

#[test]
fn documentation_lists_every_warning() {
    let cases = files();
    let warnings = cases.iter().map(|path| Case::read(path)).flat_map(|case| case.admit(&case.pod).warnings);
    let warnings: BTreeSet<_> = warnings.map(|warning| generalize(&warning)).collect();
    let mut table = String::from("| warning |\n| --- |\n");
    for warning in &warnings {
        writeln!(table, "| {warning} |").unwrap();
    }
    section::check(PAGE, "warnings", &table);
}
