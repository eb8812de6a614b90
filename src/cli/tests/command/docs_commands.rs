//! The commands of the pages, as a reader runs them.

use std::path::Path;
use std::process::Command;

use crate::blocks::{Block, blocks};
use crate::program::here;

/// What the reader has: the name on the page, and the case that it is here.
const FILES: &[(&str, &str)] = &[("clientLibraryConfig-aws.json", "external-account-aws.json")];

fn is_ours(block: &Block) -> bool {
    let commands = block.commands();
    let all = !commands.is_empty() && commands.iter().all(|command| command.starts_with("rolebridge "));
    all && !block.needs_more() && block.mark.is_none()
}

#[test]
fn the_commands_of_the_pages_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    for (name, case) in FILES {
        std::fs::copy(here("tests/cases").join(case), folder.path().join(name)).unwrap();
    }
    let program = Path::new(env!("CARGO_BIN_EXE_rolebridge")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let ours: Vec<_> = blocks().into_iter().filter(is_ours).collect();
    for block in &ours {
        let mut shell = Command::new("sh");
        let shell = shell.args(["-ec", &block.text]).current_dir(&folder).env("PATH", &path);
        let output = shell.env("KUBECONFIG", "/dev/null").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{}: {}\n{said}",
            block.page,
            block.text
        );
    }
    assert!(ours.len() >= 2, "where have the pages' commands gone?");
}
