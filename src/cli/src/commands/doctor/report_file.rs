//! The lines that `rolebridge-sidecar doctor --json` writes.

use std::path::Path;

use rolebridge_core::diagnostics::StepResult;

use crate::error::CliError;
use crate::input::manifests::text;

/// The hop of a line. A line that is none, such as a log's, is passed over.
pub(crate) fn step_result(line: &str) -> Option<StepResult> {
    serde_json::from_str(line).ok()
}

/// The hops in a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<StepResult>, CliError> {
    let steps: Vec<_> = text(path)?.lines().filter_map(step_result).collect();
    if steps.is_empty() {
        let message = format!(
            "{}: no hop in it; what `rolebridge-sidecar doctor --json` writes would be right.",
            path.display()
        );
        return Err(CliError::Doctor(message));
    }
    Ok(steps)
}
