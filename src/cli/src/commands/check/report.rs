//! Writes findings, for people or for programs.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};

use crate::commands::check::finding::{Finding, Severity};
use crate::error::CliError;
use crate::output::{Console, Line, OutputFormat, write_serialized};

/// The maximum number of findings of a check in the text format. Other formats have all.
const MAX_FINDINGS: usize = 10;

/// The result of `check`.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// Returns the number of findings with a severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Writes all findings.
    pub(crate) fn write(&self, format: OutputFormat, out: &mut Console<'_>) -> Result<(), CliError> {
        match format {
            OutputFormat::Text => self.write_text(out),
            OutputFormat::Json | OutputFormat::Yaml => write_serialized(&self.findings, format, out),
        }
    }

    fn write_text(&self, out: &mut Console<'_>) -> Result<(), CliError> {
        let bold = Style::new().bold();
        out.line(&Line::new().text(&self.title))?;
        let names = self.findings.iter().map(|finding| finding.check.name());
        let width = names.map(str::len).max().unwrap_or_default();
        let mut totals: BTreeMap<_, usize> = BTreeMap::new();
        for finding in &self.findings {
            *totals.entry(finding.check).or_default() += 1;
        }
        let (mut group, mut check, mut written) = (None, None, 0);
        for finding in &self.findings {
            if group.replace(finding.check.group()) != Some(finding.check.group()) {
                out.empty_line()?;
                out.line(&Line::new().styled(bold, finding.check.group().title()))?;
            }
            written = if check.replace(finding.check) == Some(finding.check) { written + 1 } else { 1 };
            if written <= MAX_FINDINGS {
                write_finding(finding, width, out)?;
            } else if written == MAX_FINDINGS + 1 {
                let more = totals[&finding.check] - MAX_FINDINGS;
                out.line(
                    &Line::new().text(format!("    {:width$}  and {more} more; --output json lists all", "")),
                )?;
            }
        }
        out.empty_line()?;
        out.line(&Line::new().text(self.summary(totals.len())))
    }

    fn summary(&self, checks: usize) -> String {
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        format!("{}: {}, {}", count(checks, "check"), count(errors, "error"), count(warnings, "warning"))
    }
}

fn write_finding(finding: &Finding, width: usize, out: &mut Console<'_>) -> Result<(), CliError> {
    let Finding { check, severity, object, message, link, .. } = finding;
    let (mark, color) = match severity {
        Severity::Ok => ("✓", AnsiColor::Green),
        Severity::Warning => ("!", AnsiColor::Yellow),
        Severity::Error => ("✗", AnsiColor::Red),
    };
    let (color, bold) = (color.on_default().bold(), Style::new().bold());
    let column = format!("    {:width$}  ", "");
    let mark = Line::new().text("  ").styled(color, mark);
    out.line(&mark.text(format!(" {:width$}  ", check.name())).styled(bold, object))?;
    out.line(&Line::new().text(&column).text(message))?;
    if *severity > Severity::Ok {
        out.line(&Line::new().text(&column).styled(Style::new().dimmed(), link))?;
    }
    Ok(())
}
