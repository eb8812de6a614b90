//! A diagnosis, hop by hop as it comes for a person, whole for a program.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};

use super::Diagnosis;
use super::remediation::{Remediation, cause};
use crate::error::CliError;
use crate::input::document;
use crate::output::{OutputFormat, escape_control_chars};

/// Where it goes.
pub(super) struct DiagnosisWriter<'a> {
    output: OutputFormat,
    out: &'a mut dyn Write,
}

impl<'a> DiagnosisWriter<'a> {
    pub(super) fn new(output: OutputFormat, out: &'a mut dyn Write) -> Self {
        Self { output, out }
    }

    /// A hop that has just become known.
    pub(super) fn step_result(&mut self, result: &StepResult) -> Result<(), CliError> {
        if self.output != OutputFormat::Text {
            return Ok(());
        }
        let (sign, colour) = match result.status {
            StepStatus::Ok => ("✓", AnsiColor::Green.on_default()),
            StepStatus::Warning => ("!", AnsiColor::Yellow.on_default()),
            StepStatus::Failed => ("✗", AnsiColor::Red.on_default().bold()),
            StepStatus::Skipped => ("-", Style::new().dimmed()),
        };
        let (title, width) = (result.step.title(), Step::WIDEST_TITLE);
        // What mends it comes last.
        let is_failed = result.status == StepStatus::Failed;
        let message = if is_failed { cause(&result.message) } else { &result.message };
        writeln!(self.out, "{colour}{sign} {title:width$}{colour:#}  {}", escape_control_chars(message))?;
        self.out.flush()?;
        Ok(())
    }

    /// The rest.
    pub(super) fn end(&mut self, diagnosis: &Diagnosis) -> Result<(), CliError> {
        match self.output {
            OutputFormat::Text => match &diagnosis.remediation {
                Some(Remediation { summary, snippet }) => {
                    let bold = Style::new().bold();
                    let has_failed = diagnosis.steps.iter().any(|result| result.status == StepStatus::Failed);
                    let title = if has_failed { "To mend it" } else { "Next" };
                    writeln!(self.out, "\n{bold}{title}:{bold:#} {}", escape_control_chars(summary))?;
                    for (index, line) in snippet.lines().enumerate() {
                        let indent = if line.is_empty() { "" } else { "  " };
                        let before = if index == 0 { "\n" } else { "" };
                        writeln!(self.out, "{before}{indent}{}", escape_control_chars(line))?;
                    }
                    Ok(())
                }
                None => Ok(()),
            },
            OutputFormat::Json => {
                let text = serde_json::to_string_pretty(diagnosis);
                writeln!(self.out, "{}", text.map_err(|error| CliError::Format(error.to_string()))?)?;
                Ok(())
            }
            OutputFormat::Yaml => Ok(write!(self.out, "{}", document::yaml(diagnosis)?)?),
        }
    }
}
