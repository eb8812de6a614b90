//! The program, run in the folder of cases.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A path from this crate.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs it with this standard input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_rolebridge"))
        .args(arguments)
        .current_dir(here("tests/cases"))
        .env_remove("CLICOLOR_FORCE")
        .env("COLUMNS", "100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads no input closes it.
    let _ = program.stdin.take().unwrap().write_all(input);
    program.wait_with_output().unwrap()
}

/// What it was asked and what it wrote, as on a terminal. A new version of this program changes none of it.
pub(crate) fn transcript(arguments: &[&str]) -> String {
    let output = run(arguments, b"");
    let text =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let code = output.status.code().unwrap();
    format!("$ rolebridge {}\n{}{}[{code}]\n", arguments.join(" "), text(output.stdout), text(output.stderr))
}
