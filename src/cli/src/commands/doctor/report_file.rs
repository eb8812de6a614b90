//! Parses the output of `rolebridge-sidecar doctor --json`.

use std::path::Path;

use rolebridge_core::diagnostics::{Step, StepResult};

use crate::error::CliError;
use crate::input::manifests::read_up_to;

/// The maximum size of the output. The real one has about 10 KiB, and any container of the pod can write instead.
pub(super) const MAX_OUTPUT_BYTES: usize = 256 * 1024;

/// The steps that only the command itself can check. In a report, they are ignored.
const EXTERNAL_STEPS: [Step; 5] =
    [Step::Pod, Step::Injection, Step::Sidecar, Step::NetworkPolicies, Step::Issuer];

/// Parses a line as the result of a step. Returns `None` for other lines, for example of a log.
pub(super) fn parse_line(line: &[u8]) -> Option<StepResult> {
    let result: StepResult = serde_json::from_slice(line).ok()?;
    (!EXTERNAL_STEPS.contains(&result.step)).then_some(result)
}

/// Parses the results in an output.
pub(super) fn parse(output: &[u8]) -> impl Iterator<Item = StepResult> {
    output.split(|byte| *byte == b'\n').filter_map(parse_line)
}

/// Returns the error for an output over [`MAX_OUTPUT_BYTES`]. `subject` is its origin.
pub(super) fn too_large(subject: &str) -> CliError {
    CliError::Doctor(format!(
        "{subject}: expected at most {} KiB of results, found more. Fix: check that the container rolebridge runs the image \
         that the chart sets.",
        MAX_OUTPUT_BYTES / 1024
    ))
}

/// Reads the results in a file, or in standard input for `-`.
///
/// # Errors
///
/// Returns an error if the file cannot be read, is too large or has no result.
pub(super) fn read(path: &Path) -> Result<Vec<StepResult>, CliError> {
    let output = read_up_to(path, MAX_OUTPUT_BYTES + 1)?;
    let subject = path.display().to_string();
    if output.len() > MAX_OUTPUT_BYTES {
        return Err(too_large(&subject));
    }
    let steps: Vec<_> = parse(&output).collect();
    if steps.is_empty() {
        let message =
            format!("{subject}: expected the output of `rolebridge-sidecar doctor --json`, found no step");
        return Err(CliError::Doctor(message));
    }
    Ok(steps)
}
