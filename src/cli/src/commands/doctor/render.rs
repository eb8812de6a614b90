//! Writes a diagnosis: step by step for people, as one document for programs.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};

use crate::commands::doctor::diagnosis::{Diagnosis, Remediation};
use crate::error::CliError;
use crate::output::{OutputFormat, escape_control_chars, write_serialized};

/// A writer of a diagnosis in one of the formats.
pub(super) struct DiagnosisWriter<'a> {
    format: OutputFormat,
    out: &'a mut dyn Write,
}

impl<'a> DiagnosisWriter<'a> {
    pub(super) fn new(format: OutputFormat, out: &'a mut dyn Write) -> Self {
        Self { format, out }
    }

    /// Writes the result of a step as soon as it is known, in the text format only.
    pub(super) fn write_step(&mut self, result: &StepResult) -> Result<(), CliError> {
        if self.format != OutputFormat::Text {
            return Ok(());
        }
        let (sign, color) = match result.status {
            StepStatus::Ok => ("✓", AnsiColor::Green.on_default()),
            StepStatus::Warning => ("!", AnsiColor::Yellow.on_default()),
            StepStatus::Failed => ("✗", AnsiColor::Red.on_default().bold()),
            StepStatus::Skipped => ("-", Style::new().dimmed()),
        };
        let (title, width) = (result.step.title(), Step::WIDEST_TITLE);
        let message = match &result.remediation {
            // The remediation for a failed step follows the steps.
            Some(remediation) if result.status == StepStatus::Warning => {
                format!("{}. Fix: {remediation}.", result.message)
            }
            _ => result.message.clone(),
        };
        let message = escape_control_chars(&message);
        writeln!(self.out, "{color}{sign} {title:width$}{color:#}  {message}")?;
        self.out.flush()?;
        Ok(())
    }

    /// Writes what follows the steps: the remediation in the text format, else the whole diagnosis.
    pub(super) fn finish(&mut self, diagnosis: &Diagnosis) -> Result<(), CliError> {
        if self.format != OutputFormat::Text {
            return write_serialized(diagnosis, self.format, self.out);
        }
        let Some(Remediation { summary, snippet }) = &diagnosis.remediation else { return Ok(()) };
        let bold = Style::new().bold();
        let title = if diagnosis.has_failed_step() { "Fix" } else { "Next" };
        writeln!(self.out, "\n{bold}{title}:{bold:#} {}", escape_control_chars(summary))?;
        for (index, line) in snippet.lines().enumerate() {
            let indent = if line.is_empty() { "" } else { "  " };
            let separator = if index == 0 { "\n" } else { "" };
            writeln!(self.out, "{separator}{indent}{}", escape_control_chars(line))?;
        }
        Ok(())
    }
}
