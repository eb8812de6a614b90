//! Every command on the pages is one that CI runs, or its block says in its first line what it needs.
#![expect(clippy::unwrap_used, reason = "what helps a test may panic as the test may")]

#[path = "section/blocks.rs"]
mod blocks;
#[path = "section/pages.rs"]
mod pages;

use std::fs;

use self::blocks::{Block, blocks};
use self::pages::root;

/// What a command begins with, and the text of the file that runs it.
const RUN: &[(&str, &str, &str)] = &[
    ("cargo run -p demo", "docs/screenshots", "cargo run -q -p demo"),
    ("cargo test", ".ci/run", "cargo test"),
    ("git clone https://github.com/rolebridge/rolebridge", ".github/workflows/test.yml", "actions/checkout"),
    ("make demo", "docs/screenshots", "cargo run -q -p demo"),
    ("make lint", ".ci/run", "make lint"),
    ("cargo install --path src/cli", "tests/release/release.sh", "cargo install --path src/cli"),
    ("ln -s ~/.cargo/bin/rolebridge", "tests/release/release.sh", "kubectl-rolebridge"),
    ("helm install rolebridge charts/rolebridge", "tests/cluster/e2e/setup.sh", "helm install rolebridge"),
];

/// Blocks of this command alone are run by its own tests, `src/cli/tests/command/docs_commands.rs`.
const OURS: &str = "rolebridge ";

/// Whether the cluster tests are told to run the block: its page's, or the page that repeats it.
fn is_run_on_the_cluster(block: &Block, all: &[Block]) -> bool {
    let Some(mark) = &block.mark else { return false };
    let name = mark.split(',').next().unwrap();
    let repeats = format!("{name}, as in ../../{}", block.page);
    let elsewhere = all.iter().filter(|other| other.mark.as_deref() == Some(&*repeats));
    let pages: Vec<_> = elsewhere.map(|other| &other.page).chain([&block.page]).collect();
    let checks = fs::read_dir(root().join("tests/cluster/e2e/checks")).unwrap();
    let texts = checks.map(|check| fs::read_to_string(check.unwrap().path()).unwrap());
    let lines: Vec<_> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().filter(|line| line.contains("/run_docs.py")).any(|line| {
        let named =
            line.split("--only").nth(1).is_none_or(|names| names.split_whitespace().any(|one| one == name));
        named && pages.iter().any(|page| line.contains(&format!("/{page}\"")))
    })
}

fn is_run(command: &str) -> bool {
    RUN.iter().any(|(start, file, text)| {
        command.starts_with(start)
            && fs::read_to_string(root().join(file)).is_ok_and(|file| file.contains(text))
    })
}

#[test]
fn every_command_is_run_or_says_what_it_needs() {
    let all = blocks();
    assert!(all.len() > 10, "where have the pages' commands gone?");
    let ours = |block: &Block| block.commands().iter().all(|command| command.starts_with(OURS));
    let unmarked =
        all.iter().filter(|block| !(block.needs_more() || is_run_on_the_cluster(block, &all) || ours(block)));
    let commands = unmarked.flat_map(|block| {
        let commands = block.commands().into_iter().filter(|command| !is_run(command));
        commands.map(|command| format!("{}: {command}", block.page)).collect::<Vec<_>>()
    });
    let commands: Vec<_> = commands.collect();
    assert!(
        commands.is_empty(),
        "nobody runs these; say in their block's first line what they need (`# Needs a cloud.`): {commands:#?}"
    );
}
