//! `version`: the version of this program.

use serde::Serialize;

use crate::docs::DOCS_URL;
use crate::error::CliError;
use crate::output::{Console, Line, OutputFormat, write_serialized};

#[derive(Serialize)]
struct Version {
    version: &'static str,
    documentation: &'static str,
}

/// Writes the version, and the address of its documentation.
///
/// # Errors
///
/// Returns an error if the output cannot be written.
pub(crate) fn run(format: OutputFormat, out: &mut Console<'_>) -> Result<(), CliError> {
    let version = Version { version: env!("CARGO_PKG_VERSION"), documentation: DOCS_URL };
    if format != OutputFormat::Text {
        return write_serialized(&version, format, out);
    }
    out.line(&Line::new().text(format!("rolebridge {}", version.version)))?;
    out.line(&Line::new().text(version.documentation))
}
