//! A diagnosis, hop by hop as it comes for a person, whole for a program.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use rolebridge_contract::doctor::{Hop, Outcome, Step};

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
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Failure> {
        if self.output != Output::Text {
            return Ok(());
        }
        let (sign, colour) = match step.outcome {
            Outcome::Ok => ("✓", AnsiColor::Green.on_default()),
            Outcome::Warning => ("!", AnsiColor::Yellow.on_default()),
            Outcome::Failed => ("✗", AnsiColor::Red.on_default().bold()),
            Outcome::Skipped => ("-", Style::new().dimmed()),
        };
        let (title, width) = (step.hop.title(), Hop::WIDEST_TITLE);
        // What mends it comes last.
        let is_failed = step.outcome == Outcome::Failed;
        let sentence = if is_failed { cause(&step.sentence) } else { &step.sentence };
        writeln!(self.out, "{colour}{sign} {title:width$}{colour:#}  {}", plain(sentence))?;
        self.out.flush()?;
        Ok(())
    }

    /// The rest.
    pub(super) fn end(&mut self, diagnosis: &Diagnosis) -> Result<(), Failure> {
        match self.output {
            Output::Text => match &diagnosis.mend {
                Some(Mend { words, copy }) => {
                    let bold = Style::new().bold();
                    let has_failed = diagnosis.steps.iter().any(|step| step.outcome == Outcome::Failed);
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
