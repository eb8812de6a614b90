//! Runs the commands of the documentation.

use std::path::Path;
use std::process::Command;

use rolebridge_doc_sync::blocks::{Block, blocks};

use crate::program::crate_path;

/// The files that the commands read: the name in the documentation, and the case to use for it.
const FILES: &[(&str, &str)] = &[("clientLibraryConfig-aws.json", "external-account-aws.json")];

/// Returns true for a block of commands of this program that need no cluster.
fn is_runnable(block: &Block) -> bool {
    let commands = block.commands();
    let is_own = !commands.is_empty() && commands.iter().all(|command| command.starts_with("rolebridge "));
    is_own && !block.has_requirements() && block.mark.is_none()
}

#[test]
fn commands_of_the_docs_succeed() {
    let folder = tempfile::tempdir().unwrap();
    for (name, case) in FILES {
        std::fs::copy(crate_path("tests/cases").join(case), folder.path().join(name)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_rolebridge")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let blocks: Vec<_> = blocks().into_iter().filter(is_runnable).collect();
    for block in &blocks {
        let mut shell = Command::new("sh");
        let shell = shell.args(["-ec", &block.text]).current_dir(&folder).env("PATH", &path);
        let output = shell.env("KUBECONFIG", "/dev/null").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{}: {}\n{stderr}",
            block.page,
            block.text
        );
    }
    assert!(blocks.len() >= 2, "the documentation has no commands of this program");
}
