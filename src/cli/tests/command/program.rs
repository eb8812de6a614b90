//! Runs the program in the folder of cases.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

/// Returns a path relative to this crate.
pub(crate) fn crate_path(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// An invocation of the program.
pub(crate) struct Invocation {
    command: Command,
    line: String,
}

impl Invocation {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolebridge"));
        command.args(arguments).current_dir(crate_path("tests/cases"));
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

    pub(crate) fn kubeconfig(self, config: &NamedTempFile) -> Self {
        self.env("KUBECONFIG", config.path().to_str().unwrap())
    }

    /// Runs the program with this standard input.
    pub(crate) fn run(mut self, input: &[u8]) -> Output {
        let piped = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = piped.spawn().unwrap();
        // Writing fails if the program exits without reading its input.
        let _ = program.stdin.take().unwrap().write_all(input);
        program.wait_with_output().unwrap()
    }

    /// Runs the program and returns its command line, its output and its exit code, without its version.
    pub(crate) fn transcript(self) -> String {
        let line = self.line.clone();
        let output = self.run(b"");
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let code = output.status.code().unwrap();
        format!("{line}\n{}{}[{code}]\n", text(output.stdout), text(output.stderr))
    }
}

/// Runs the program with this standard input.
pub(crate) fn run(arguments: &[&str], input: &[u8]) -> Output {
    Invocation::new(arguments).run(input)
}

/// Returns the [transcript](Invocation::transcript) of an invocation.
pub(crate) fn transcript(arguments: &[&str]) -> String {
    Invocation::new(arguments).transcript()
}

/// Panics if a text could steer a terminal or mislead its reader. Colors are allowed.
pub(crate) fn assert_harmless(text: &str) {
    let invisible = |c: char| matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    for (index, part) in text.split("\u{1b}[").enumerate() {
        let color = part.split_once('m').map(|(parameters, _)| parameters);
        let is_color =
            color.is_some_and(|color| color.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
        assert!(index == 0 || is_color, "{part:?}");
        assert!(!part.contains(|c: char| c != '\n' && (c.is_control() || invisible(c))), "{part:?}");
    }
}
