//! Findings as a person reads them, and as a program does.

use std::collections::BTreeMap;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::commands::check::finding::{Finding, Severity};
use crate::error::CliError;
use crate::output::{OutputFormat, escape_control_chars, write_as};

/// So many findings of a check are told to people; a program gets all.
const MOST: usize = 10;

/// What there is to tell.
pub(crate) struct Report {
    pub(crate) title: String,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    /// How many findings are as bad as this.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.severity == severity).count()
    }
}

/// Writes all findings.
pub(crate) fn write(told: &Report, output: OutputFormat, out: &mut impl Write) -> Result<(), CliError> {
    match output {
        OutputFormat::Text => text(told, out),
        _ => write_as(&told.findings, output, out),
    }
}

fn text(told: &Report, out: &mut impl Write) -> Result<(), CliError> {
    let bold = Style::new().bold();
    writeln!(out, "{}", told.title)?;
    let wide = told.findings.iter().map(|one| one.check.name().len()).max().unwrap_or_default();
    let mut of_check: BTreeMap<_, usize> = BTreeMap::new();
    for finding in &told.findings {
        *of_check.entry(finding.check).or_default() += 1;
    }
    let (mut group, mut check, mut told_of_check) = (None, None, 0);
    for finding in &told.findings {
        if group.replace(finding.check.group()) != Some(finding.check.group()) {
            writeln!(out, "\n{bold}{}{bold:#}", finding.check.group().title())?;
        }
        told_of_check =
            if check.replace(finding.check) == Some(finding.check) { told_of_check + 1 } else { 1 };
        if told_of_check <= MOST {
            tell(finding, wide, out)?;
        } else if told_of_check == MOST + 1 {
            let more = of_check[&finding.check] - MOST;
            writeln!(out, "    {:wide$}  and {more} more, which --output json has", "")?;
        }
    }
    writeln!(out, "\n{}", summary(told, of_check.len()))?;
    Ok(())
}

fn tell(finding: &Finding, wide: usize, out: &mut impl Write) -> Result<(), CliError> {
    let Finding { check, severity, object, message, link } = finding;
    let (mark, colour) = match severity {
        Severity::Ok => ("✓", AnsiColor::Green),
        Severity::Warning => ("!", AnsiColor::Yellow),
        Severity::Error => ("✗", AnsiColor::Red),
    };
    let (colour, bold) = (colour.on_default().bold(), Style::new().bold());
    let (object, message) = (escape_control_chars(object), escape_control_chars(message));
    writeln!(out, "  {colour}{mark}{colour:#} {:wide$}  {bold}{object}{bold:#}", check.name())?;
    writeln!(out, "    {:wide$}  {message}", "")?;
    if *severity > Severity::Ok {
        let dimmed = Style::new().dimmed();
        writeln!(out, "    {:wide$}  {dimmed}{link}{dimmed:#}", "")?;
    }
    Ok(())
}

fn summary(told: &Report, checks: usize) -> String {
    let (errors, warnings) = (told.count(Severity::Error), told.count(Severity::Warning));
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    format!("{}: {}, {}", count(checks, "check"), count(errors, "error"), count(warnings, "warning"))
}
