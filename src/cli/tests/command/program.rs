//! The program, run in the folder of cases.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A path from this crate.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What the program is asked.
pub(crate) struct Asked {
    command: Command,
    line: String,
}

impl Asked {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolebridge"));
        command.args(arguments).current_dir(here("tests/cases"));
        for variable in ["CLICOLOR_FORCE", "CLICOLOR", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command.env("COLUMNS", "100").env("KUBECONFIG", "/dev/null");
        Self { command, line: format!("$ rolebridge {}", arguments.join(" ")) }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this standard input.
    pub(crate) fn run(mut self, input: &[u8]) -> Output {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = piped.spawn().unwrap();
        // A program that reads no input closes it.
        let _ = program.stdin.take().unwrap().write_all(input);
        program.wait_with_output().unwrap()
    }

    /// What it was asked and what it wrote, as on a terminal. A new version of this program changes none of it.
    pub(crate) fn transcript(self) -> String {
        let line = self.line.clone();
        let output = self.run(b"");
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let code = output.status.code().unwrap();
        format!("{line}\n{}{}[{code}]\n", text(output.stdout), text(output.stderr))
    }
}

/// Runs it with this standard input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    Asked::new(arguments).run(input)
}

/// [`Asked::transcript`]
pub(crate) fn transcript(arguments: &[&str]) -> String {
    Asked::new(arguments).transcript()
}
