//! Writes a diagnosis: step by step for people, as one document for programs.

use anstyle::{AnsiColor, Style};
use rolebridge_core::diagnostics::{Step, StepStatus};

use crate::commands::doctor::diagnosis::{DiagnosedStep, Diagnosis, Remediation, Witness};
use crate::error::CliError;
use crate::output::{Console, Line, OutputFormat, write_serialized};

/// A writer of a diagnosis in one of the formats.
pub(super) struct DiagnosisWriter<'a, 'w> {
    format: OutputFormat,
    out: &'a mut Console<'w>,
    /// The origin of the last result.
    witness: Option<Witness>,
}

impl<'a, 'w> DiagnosisWriter<'a, 'w> {
    pub(super) fn new(format: OutputFormat, out: &'a mut Console<'w>) -> Self {
        Self { format, out, witness: None }
    }

    /// Writes the result of a step as soon as it is known, in the text format only.
    pub(super) fn write_step(&mut self, step: &DiagnosedStep) -> Result<(), CliError> {
        if self.format != OutputFormat::Text {
            return Ok(());
        }
        self.write_heading(step.stated_by)?;
        let result = &step.result;
        let (sign, color) = match result.status {
            StepStatus::Ok => ("✓", AnsiColor::Green.on_default()),
            StepStatus::Warning => ("!", AnsiColor::Yellow.on_default()),
            StepStatus::Failed => ("✗", AnsiColor::Red.on_default().bold()),
            StepStatus::Skipped => ("-", Style::new().dimmed()),
        };
        let (title, width) = (result.step.title(), Step::WIDEST_TITLE);
        let line =
            Line::new().styled(color, format!("{sign} {title:width$}")).text("  ").text(&result.message);
        self.out.line(&match &result.remediation {
            // The remediation for a failed step follows the steps.
            Some(remediation) if result.status == StepStatus::Warning => {
                line.text(". Fix: ").text(remediation).text(".")
            }
            _ => line,
        })?;
        self.out.flush()
    }

    /// Writes a heading if the next result has another origin than the last.
    fn write_heading(&mut self, witness: Witness) -> Result<(), CliError> {
        let previous = self.witness.replace(witness);
        if previous == Some(witness) {
            return Ok(());
        }
        if previous.is_some() {
            self.out.empty_line()?;
        }
        let heading = match witness {
            Witness::Cluster => "The Kubernetes API states:",
            Witness::Pod => "The pod states about itself:",
        };
        self.out.line(&Line::new().styled(Style::new().bold(), heading))
    }

    /// Writes what follows the steps: the remediation in the text format, else the whole diagnosis.
    pub(super) fn finish(&mut self, diagnosis: &Diagnosis) -> Result<(), CliError> {
        if self.format != OutputFormat::Text {
            return write_serialized(diagnosis, self.format, self.out);
        }
        self.write_remediation(diagnosis)?;
        match &diagnosis.link {
            Some(link) => {
                self.out.empty_line()?;
                self.out.line(&Line::new().styled(Style::new().dimmed(), link))
            }
            None => Ok(()),
        }
    }

    fn write_remediation(&mut self, diagnosis: &Diagnosis) -> Result<(), CliError> {
        let Some(Remediation { stated_by, summary, snippet }) = &diagnosis.remediation else { return Ok(()) };
        let title = if diagnosis.has_failed_step() { "Fix:" } else { "Next:" };
        self.out.empty_line()?;
        self.out.line(&Line::new().styled(Style::new().bold(), title).text(" ").text(summary))?;
        if *stated_by == Witness::Pod {
            let note = "This is based on what the pod states: check each name before you grant it anything.";
            self.out.line(&Line::new().styled(Style::new().dimmed(), note))?;
        }
        if !snippet.is_empty() {
            self.out.empty_line()?;
        }
        self.out.block("  ", snippet)
    }
}
