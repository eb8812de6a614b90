//! Output: its formats, and the one way to a terminal.

mod console;
mod harmless;
pub(crate) mod quote;

use clap::ValueEnum;
use serde::Serialize;
use serde_saphyr::ser_options;

pub(crate) use self::console::{Console, Line, write_documents, write_script};
pub(crate) use self::harmless::{escape, is_harmful};
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
///
/// Programs read every string as it is, because harmful characters are written as JSON's escapes. YAML has none that every
/// reader knows, so a YAML document with such a character is written in JSON's syntax, which is YAML too.
pub(crate) fn write_serialized<T: Serialize + ?Sized>(
    value: &T,
    format: OutputFormat,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    if format == OutputFormat::Yaml {
        let yaml = to_yaml(&value)?;
        if !yaml.contains(|c| c != '\n' && is_harmful(c)) {
            return out.block("", &yaml);
        }
    }
    let json = serde_json::to_string_pretty(value).map_err(|error| CliError::Format(error.to_string()))?;
    out.block("", &harmless::escape_json(&json))
}

/// Serializes a value as YAML in which every YAML reader reads strings as strings.
pub(crate) fn to_yaml(value: &impl Serialize) -> Result<String, CliError> {
    // Long lines are not folded.
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| CliError::Format(error.to_string()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::harmless("a: b", "- \"a: b\"\n")]
    #[case::bidi("\u{202e}", "[\n  \"\\u202e\"\n]\n")]
    #[case::zero_width("a\u{200b}", "[\n  \"a\\u200b\"\n]\n")]
    #[case::c1("\u{9b}", "- \"\\x9B\"\n")]
    fn yaml_has_no_harmful_character(#[case] text: &str, #[case] expected: &str) {
        let mut buffer = Vec::new();
        write_serialized(&[text], OutputFormat::Yaml, &mut Console::buffer(&mut buffer)).unwrap();
        let written = String::from_utf8(buffer).unwrap();
        assert_eq!(written, expected);
        assert_eq!(serde_saphyr::from_str::<Vec<String>>(&written).unwrap(), [text]);
    }
}
