//! Parses the output of `rolebridge-sidecar doctor --json`.

use std::path::Path;

use rolebridge_core::diagnostics::StepResult;

use crate::error::CliError;
use crate::input::manifests::read_text;

/// Parses a line as the result of a step. Returns `None` for other lines, for example of a log.
pub(super) fn parse_line(line: &str) -> Option<StepResult> {
    serde_json::from_str(line).ok()
}

/// Reads the results in a file, or in standard input for `-`.
///
/// # Errors
///
/// Returns an error if the file cannot be read or has no result.
pub(super) fn read(path: &Path) -> Result<Vec<StepResult>, CliError> {
    let steps: Vec<_> = read_text(path)?.lines().filter_map(parse_line).collect();
    if steps.is_empty() {
        let message = format!(
            "{}: expected the output of `rolebridge-sidecar doctor --json`, found no step",
            path.display()
        );
        return Err(CliError::Doctor(message));
    }
    Ok(steps)
}
