//! Checks the page of public names. The webhook's and the sidecar's own tests check their metrics.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use rolebridge_doc_sync::json_fields::Types;
use rolebridge_doc_sync::pages::root;
use rolebridge_doc_sync::{log_fields, section};

const PAGE: &str = "docs/src/public-names.md";

/// Exit codes with their meanings.
type ExitCodes = &'static [(u8, &'static str)];

/// Programs, their source folders and their exit codes.
const EXIT_CODES: &[(&str, &str, ExitCodes)] = &[
    (
        "rolebridge",
        "src/cli/src",
        &[
            (0, "success"),
            (1, "a pod would be denied, a check found an error, a diagnosis or a trust policy failed"),
            (2, "the command could not run, or its arguments are invalid"),
        ],
    ),
    (
        "rolebridge-sidecar",
        "src/sidecar/src",
        &[
            (0, "success; `ready`: the token is valid; `run`: stopped by a signal"),
            (1, "an error, which is printed; `doctor`: a step failed"),
            (2, "the arguments are invalid"),
        ],
    ),
    (
        "rolebridge-webhook",
        "src/webhook/src",
        &[
            (0, "stopped by a signal, after open requests were answered"),
            (1, "failed to start or to serve"),
            (2, "the arguments are invalid"),
        ],
    ),
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"));
    let files = paths.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Returns the texts of the source files below a folder, without tests at the end of a file.
fn sources(folder: &str) -> Vec<String> {
    let texts = rust_files(&root().join(folder)).into_iter().map(|path| fs::read_to_string(path).unwrap());
    texts.map(|text| text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()).collect()
}

fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut list = String::new();
    for name in names {
        let name = name.as_ref();
        let (name, values) = name.split_once(": ").map_or((name, ""), |(name, values)| (name, values));
        let separator = if values.is_empty() { "" } else { ": " };
        writeln!(list, "- `{name}`{separator}{values}").unwrap();
    }
    list
}

#[test]
fn page_lists_every_event_reason() {
    let source = read("src/webhook/src/events.rs");
    let reason = Regex::new(r#""(Injection\w+)""#).unwrap();
    let reasons: BTreeSet<_> = reason.captures_iter(&source).map(|found| found[1].to_owned()).collect();
    assert!(!reasons.is_empty());
    section::check(PAGE, "event reasons", &list(reasons));
}

#[test]
fn page_lists_every_alert() {
    let template = read("charts/rolebridge/templates/monitoring/_alerts.tpl");
    let alerts: BTreeSet<_> =
        template.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(!alerts.is_empty());
    section::check(PAGE, "alerts", &list(alerts));
}

#[test]
fn page_lists_every_json_field() {
    let mut sources = [sources("src/cli/src"), sources("src/core/src")].concat();
    // Types of other modules with the same names as serialized ones.
    sources.retain(|source| source.contains("Serialize"));
    let types = Types::read(sources.iter().map(String::as_str));
    for (name, type_name) in [
        ("sidecar doctor JSON", "StepResult"),
        ("doctor JSON", "Diagnosis"),
        ("explain JSON", "Explanation"),
        ("check JSON", "Finding"),
    ] {
        section::check(PAGE, name, &list(types.paths(type_name)));
    }
}

#[test]
fn page_lists_every_log_field() {
    let mut table = String::from("| program | fields |\n| --- | --- |\n");
    for (program, folder) in
        [("rolebridge-webhook", "src/webhook/src"), ("rolebridge-sidecar", "src/sidecar/src")]
    {
        let sources = sources(folder);
        let fields: BTreeSet<_> = sources.iter().flat_map(|source| log_fields::fields(source)).collect();
        let fields: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
        writeln!(table, "| `{program}` | {} |", fields.join(", ")).unwrap();
    }
    section::check(PAGE, "log fields", &table);
}

#[test]
fn page_lists_every_exit_code() {
    let mut table = String::from("| program | exit code | meaning |\n| --- | --- | --- |\n");
    for (program, folder, codes) in EXIT_CODES {
        let listed: BTreeSet<_> = codes.iter().map(|(code, _)| *code).collect();
        assert_eq!(exit_codes(folder), listed, "{program}: update EXIT_CODES");
        for (code, meaning) in *codes {
            writeln!(table, "| `{program}` | {code} | {meaning} |").unwrap();
        }
    }
    section::check(PAGE, "exit codes", &table);
}

/// Returns the exit codes in the source of a program. Clap exits with 2.
fn exit_codes(folder: &str) -> BTreeSet<u8> {
    let text = sources(folder).concat();
    let number = Regex::new(r"ExitCode::from\((\d+)\)").unwrap();
    let arm = Regex::new(r"=> (\d+),").unwrap();
    let function = text.split_once("fn exit_code(&self) -> u8 {").map_or("", |(_, rest)| rest);
    let function = function.split("\n    }").next().unwrap();
    let literals = number.captures_iter(&text).chain(arm.captures_iter(function));
    let literals = literals.map(|found| found[1].parse().unwrap());
    let constants =
        [("ExitCode::SUCCESS", 0), ("ExitCode::FAILURE", 1), ("clap::Parser", 2), ("use clap::{", 2)];
    let constants = constants.iter().filter(|(name, _)| text.contains(name)).map(|(_, code)| *code);
    literals.chain(constants).collect()
}
