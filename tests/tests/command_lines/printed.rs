//! The list of every command of `aws` and `gcloud` that `setup` and `doctor` print: run, or why not.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::diagnosis::command_blocks;
use crate::operator::{has_gcloud, print};
use crate::setup;

/// The commands that are not run, and the reason.
const NOT_RUN: &[(&str, &str)] = &[
    ("gcloud iam workload-identity-pools list --location --project --show-deleted", LISTS),
    (
        "gcloud iam workload-identity-pools providers list --location --project --show-deleted --workload-identity-pool",
        LISTS,
    ),
];

/// The reason for commands that only show what a person decides about.
const LISTS: &str = "not run: it lists, and a person decides which pool or provider to name";

/// The words that end the name of a gcloud command; a positional argument follows.
const VERBS: [&str; 13] = [
    "add-iam-policy-binding",
    "create",
    "create-aws",
    "create-oidc",
    "describe",
    "enable",
    "list",
    "ls",
    "update-aws",
    "update-oidc",
    "undelete",
    "get-iam-policy",
    "set-iam-policy",
];

/// Returns the name of a command and its flags, without values: `gcloud services enable --project`.
fn shape(command: &[String]) -> String {
    let is_gcloud = command[0] == "gcloud";
    let mut name = Vec::new();
    for word in command {
        if word.starts_with('-') || !is_gcloud && name.len() == 3 {
            break;
        }
        name.push(word.as_str());
        if is_gcloud && VERBS.contains(&word.as_str()) {
            break;
        }
    }
    let flags: BTreeSet<_> = command
        .iter()
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or_default())
        .collect();
    name.into_iter().chain(flags).collect::<Vec<_>>().join(" ")
}

/// Checks that each printed command was run, or is listed. Prints the list.
pub(crate) async fn check(run: &BTreeSet<Vec<String>>) {
    let run: BTreeSet<_> = run.iter().map(|command| shape(command)).collect();
    let mut printed = BTreeMap::new();
    for identity in ["aws-role", "aws-jwt", "kubernetes"] {
        for impersonated in [true, false] {
            let script = print(&setup::command(identity, impersonated)).await;
            add(&mut printed, &script, "setup").await;
        }
    }
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration/doctor/reports");
    for entry in std::fs::read_dir(reports).unwrap() {
        let report = entry.unwrap().path();
        let diagnosis = print(&format!("rolebridge doctor --report {} -o json", report.display())).await;
        let diagnosis: Value = serde_json::from_str(&diagnosis).unwrap();
        let snippet = diagnosis["remediation"]["snippet"].as_str().unwrap_or_default();
        add(&mut printed, &command_blocks(snippet), "doctor").await;
    }
    let reasons: BTreeMap<_, _> = NOT_RUN.iter().copied().collect();
    let mut unexplained = Vec::new();
    let mut out = std::io::stdout();
    for (shape, source) in &printed {
        let is_omitted = shape.starts_with("gcloud ") && !has_gcloud();
        let state = match reasons.get(shape.as_str()) {
            _ if is_omitted => "omitted: this machine has no gcloud",
            _ if run.contains(shape) => "run",
            Some(reason) => *reason,
            None => {
                unexplained.push(shape);
                "MISSING"
            }
        };
        writeln!(out, "{source:7} {state:4} {shape}").unwrap();
    }
    assert!(unexplained.is_empty(), "printed, but neither run nor listed in NOT_RUN: {unexplained:#?}");
    let stale: Vec<_> =
        reasons.keys().filter(|shape| run.contains(**shape) || !printed.contains_key(**shape)).collect();
    assert!(stale.is_empty(), "listed in NOT_RUN, but run or no longer printed: {stale:#?}");
}

/// Adds the commands of a script, which programs that do nothing record.
async fn add(printed: &mut BTreeMap<String, &'static str>, script: &str, source: &'static str) {
    let record =
        |name: &str| format!("{name}() {{ printf '%s\\037' {name} \"$@\" >&2; printf '\\036' >&2; }}\n");
    let script = format!("{}{}kubectl() {{ cat >/dev/null; }}\n{script}", record("aws"), record("gcloud"));
    let folder = tempfile::tempdir().unwrap();
    let output =
        Command::new("bash").arg("-c").arg(&script).current_dir(folder.path()).output().await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    for command in log.split('\u{1e}').filter(|command| !command.trim().is_empty()) {
        let command: Vec<_> = command.trim_end_matches('\u{1f}').split('\u{1f}').map(str::to_owned).collect();
        assert!(["aws", "gcloud"].contains(&command[0].as_str()), "{command:?} of\n{script}");
        printed.entry(shape(&command)).or_insert(source);
    }
}
