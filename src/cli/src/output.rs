//! How commands write.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::CliError;
use crate::input::document;

/// How `explain` and `check` write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    Text,
    /// For programs: a list, an item for each pod or finding
    Json,
    /// The same in YAML
    Yaml,
}

/// Writes what a program is to read.
pub(crate) fn write_as<T: Serialize>(
    items: &[T],
    output: OutputFormat,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if output == OutputFormat::Yaml {
        return Ok(write!(out, "{}", document::yaml(&items)?)?);
    }
    let text = serde_json::to_string_pretty(items);
    Ok(writeln!(out, "{}", text.map_err(|error| CliError::Format(error.to_string()))?)?)
}

/// What somebody else wrote, without what would steer the terminal.
pub(crate) fn escape_control_chars(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::escape_control_chars;

    #[test]
    fn nobody_steers_the_terminal() {
        assert_eq!(escape_control_chars("ü\u{1b}[31m\n"), "ü\\u{1b}[31m\\n");
    }
}
