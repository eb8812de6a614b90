//! Output formats, and escapes for text that goes to a terminal.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;
use serde_saphyr::ser_options;

use crate::error::CliError;

/// The output format of `explain`, `doctor` and `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Text,
    /// For programs: a list with an item for each pod or finding
    Json,
    /// The same as JSON, in YAML
    Yaml,
}

/// Writes a value for programs: as YAML if `format` says so, else as JSON.
pub(crate) fn write_serialized<T: Serialize + ?Sized>(
    value: &T,
    format: OutputFormat,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    if format == OutputFormat::Yaml {
        return Ok(write!(out, "{}", to_yaml(&value)?)?);
    }
    let text = serde_json::to_string_pretty(value);
    Ok(writeln!(out, "{}", text.map_err(|error| CliError::Format(error.to_string()))?)?)
}

/// Serializes a value as YAML in which every YAML reader reads strings as strings.
pub(crate) fn to_yaml(value: &impl Serialize) -> Result<String, CliError> {
    // Long lines are not folded.
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| CliError::Format(error.to_string()))
}

/// Escapes control characters in untrusted text before it is written to a terminal.
pub(crate) fn escape_control_chars(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::escape_control_chars;

    #[test]
    fn escape_control_chars_removes_terminal_sequences() {
        assert_eq!(escape_control_chars("ü\u{1b}[31m\n"), "ü\\u{1b}[31m\\n");
    }
}
