//! `__complete`: completions of the last word, for kubectl, which runs `kubectl_complete-rolebridge` for them.

use std::ffi::OsString;

use clap::Command;
use clap_complete::engine;

use crate::error::CliError;
use crate::output::{Console, Line};

/// The bit of cobra's directive by which the shell completes file names if there is no completion, so: none.
const DEFAULT: u8 = 0;
/// The bit of cobra's directive after which the shell adds no space, as after a folder.
const NO_SPACE: u8 = 2;
/// The bit of cobra's directive by which the shell completes no file names.
const NO_FILES: u8 = 4;

/// Writes a completion and its description per line, and then the directive for the shell, as kubectl reads them.
///
/// # Errors
///
/// Returns an error if the output cannot be written.
pub(crate) fn run(
    mut command: Command,
    mut words: Vec<OsString>,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    words.insert(0, command.get_name().into());
    let last = words.len() - 1;
    let folder = std::env::current_dir().ok();
    // A command line that cannot be parsed has no completions.
    let candidates = engine::complete(&mut command, words, last, folder.as_deref()).unwrap_or_default();
    let candidates: Vec<_> = candidates.iter().filter(|candidate| !candidate.is_hide_set()).collect();
    for candidate in &candidates {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let description = help.lines().next().unwrap_or_default();
        let value = candidate.get_value().to_string_lossy();
        out.tab_separated(&[&value, description])?;
    }
    let is_folder = |value: &OsString| value.to_string_lossy().ends_with('/');
    let directive = match candidates.as_slice() {
        [] => DEFAULT,
        [only] if is_folder(&only.get_value().to_owned()) => NO_FILES | NO_SPACE,
        _ => NO_FILES,
    };
    out.line(&Line::new().text(format!(":{directive}")))
}
