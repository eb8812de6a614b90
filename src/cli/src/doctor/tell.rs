//! A diagnosis, hop by hop as it comes for a person, whole for a program.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rolebridge_core::diagnostics::{Step, StepResult, StepStatus};

use super::Diagnosis;
use super::mend::{Mend, cause};
use crate::document;
use crate::failure::Failure;
use crate::tell::{Output, plain};

/// Where it goes.
pub(super) struct Teller<'a> {
    output: Output,
    out: &'a mut dyn Write,
}

impl<'a> Teller<'a> {
    pub(super) fn new(output: Output, out: &'a mut dyn Write) -> Self {
        Self { output, out }
    }

    /// A hop that has just become known.
    pub(super) fn step_result(&mut self, result: &StepResult) -> Result<(), Failure> {
        if self.output != Output::Text {
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
        writeln!(self.out, "{colour}{sign} {title:width$}{colour:#}  {}", plain(message))?;
        self.out.flush()?;
        Ok(())
    }

    /// The rest.
    pub(super) fn end(&mut self, diagnosis: &Diagnosis) -> Result<(), Failure> {
        match self.output {
            Output::Text => match &diagnosis.mend {
                Some(Mend { words, copy }) => {
                    let bold = Style::new().bold();
                    let has_failed = diagnosis.steps.iter().any(|result| result.status == StepStatus::Failed);
                    let title = if has_failed { "To mend it" } else { "Next" };
                    writeln!(self.out, "\n{bold}{title}:{bold:#} {}", plain(words))?;
                    for (index, line) in copy.lines().enumerate() {
                        let indent = if line.is_empty() { "" } else { "  " };
                        let before = if index == 0 { "\n" } else { "" };
                        writeln!(self.out, "{before}{indent}{}", plain(line))?;
                    }
                    Ok(())
                }
                None => Ok(()),
            },
            Output::Json => {
                let text = serde_json::to_string_pretty(diagnosis);
                writeln!(self.out, "{}", text.map_err(|error| Failure::Format(error.to_string()))?)?;
                Ok(())
            }
            Output::Yaml => Ok(write!(self.out, "{}", document::yaml(diagnosis)?)?),
        }
    }
}
