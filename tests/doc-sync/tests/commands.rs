//! Checks that CI runs every command of the pages, or that the command's block names its requirements.
#![expect(clippy::unwrap_used, reason = "test helpers may panic")]

use std::fs;

use rolebridge_doc_sync::blocks::{Block, blocks};
use rolebridge_doc_sync::pages::root;

/// The beginning of a command, the file that runs the command in CI, and the file's text.
const RUN_BY_CI: &[(&str, &str, &str)] = &[
    ("cargo run -p demo", "docs/screenshots", "cargo run -q -p demo"),
    ("cargo test", ".ci/run", "cargo test"),
    ("git clone https://github.com/rolebridge/rolebridge", ".github/workflows/test.yml", "actions/checkout"),
    ("make demo", "docs/screenshots", "cargo run -q -p demo"),
    ("make lint", ".ci/run", "make lint"),
    ("cargo install --path src/cli", "tests/release/release.sh", "cargo install --path src/cli"),
    ("ln -s ~/.cargo/bin/rolebridge", "tests/release/release.sh", "kubectl-rolebridge"),
    ("helm install rolebridge charts/rolebridge", "tests/cluster/e2e/setup.sh", "helm_install_as rolebridge"),
    (
        "cp release/kubectl_complete-rolebridge",
        "tests/release/release.sh",
        "cp release/kubectl_complete-rolebridge",
    ),
];

/// The command that `src/cli/tests/command/docs_commands.rs` runs, with all its blocks.
const OWN_COMMAND: &str = "rolebridge ";

/// Returns true if a check of the cluster tests runs the block, on its own page or on a page that repeats it.
fn is_run_on_the_cluster(block: &Block, all: &[Block]) -> bool {
    let Some(mark) = &block.mark else { return false };
    let name = mark.split(',').next().unwrap();
    let repeated = format!("{name}, as in ../../{}", block.page);
    let repetitions = all.iter().filter(|other| other.mark.as_deref() == Some(&*repeated));
    let pages: Vec<_> = repetitions.map(|other| &other.page).chain([&block.page]).collect();
    let checks = fs::read_dir(root().join("tests/cluster/e2e/checks")).unwrap();
    let texts = checks.map(|check| fs::read_to_string(check.unwrap().path()).unwrap());
    let lines: Vec<_> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().filter(|line| line.contains("/run_docs.py")).any(|line| {
        let is_named = line
            .split("--only")
            .nth(1)
            .is_none_or(|names| names.split_whitespace().any(|other| other == name));
        is_named && pages.iter().any(|page| line.contains(&format!("/{page}\"")))
    })
}

fn is_run(command: &str) -> bool {
    RUN_BY_CI.iter().any(|(start, file, text)| {
        command.starts_with(start)
            && fs::read_to_string(root().join(file)).is_ok_and(|file| file.contains(text))
    })
}

#[test]
fn every_command_is_run_or_names_its_requirements() {
    let all = blocks();
    assert!(all.len() > 10, "expected more than 10 shell blocks on the pages, found {}", all.len());
    let is_own = |block: &Block| block.commands().iter().all(|command| command.starts_with(OWN_COMMAND));
    let not_run = all
        .iter()
        .filter(|block| !(block.has_requirements() || is_run_on_the_cluster(block, &all) || is_own(block)));
    let commands = not_run.flat_map(|block| {
        let commands = block.commands().into_iter().filter(|command| !is_run(command));
        commands.map(|command| format!("{}: {command}", block.page)).collect::<Vec<_>>()
    });
    let commands: Vec<_> = commands.collect();
    assert!(
        commands.is_empty(),
        "commands that no test runs: {commands:#?}. Fix: name the requirement in the block's first line (`# Needs a \
         cloud.`)."
    );
}
