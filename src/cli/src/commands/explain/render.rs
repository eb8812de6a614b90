//! Writes explanations, for people or for programs.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::commands::explain::additions::Additions;
use crate::commands::explain::explanation::{Explanation, Outcome, Row};
use crate::error::CliError;
use crate::output::{OutputFormat, escape_control_chars, write_serialized};

/// Writes all explanations.
pub(crate) fn write(
    explanations: &[Explanation],
    format: OutputFormat,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if format != OutputFormat::Text {
        return write_serialized(explanations, format, out);
    }
    for (index, explanation) in explanations.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        render_text(explanation, out)?;
    }
    Ok(())
}

fn render_text(explanation: &Explanation, out: &mut impl Write) -> Result<(), CliError> {
    let Explanation {
        object,
        namespace,
        service_account,
        outcome,
        message,
        warnings,
        settings,
        additions,
        ..
    } = explanation;
    let (bold, yellow) = (Style::new().bold(), AnsiColor::Yellow.on_default());
    let color = match outcome {
        Outcome::Injected => AnsiColor::Green.on_default(),
        Outcome::Skipped => yellow,
        Outcome::Denied => AnsiColor::Red.on_default(),
    };
    writeln!(
        out,
        "{bold}{object}{bold:#} in the namespace {namespace}, as the service account {service_account}: \
         {color}{}{color:#}",
        outcome.name()
    )?;
    if let Some(message) = message {
        writeln!(out, "  {message}")?;
    }
    for warning in warnings {
        writeln!(out, "  {yellow}warning:{yellow:#} {warning}")?;
    }
    render_settings(settings, out)?;
    let verb = if *outcome == Outcome::Injected { "adds" } else { "has" };
    additions.as_ref().map_or(Ok(()), |additions| render_additions(additions, verb, out))
}

fn render_settings(settings: &[Row], out: &mut impl Write) -> Result<(), CliError> {
    let max_width = |width: fn(&Row) -> usize| settings.iter().map(width).max().unwrap_or_default();
    let (key_width, origin_width) = (max_width(|row| row.annotation.len()), max_width(|row| row.from.len()));
    if !settings.is_empty() {
        writeln!(out)?;
    }
    for Row { annotation, value, from } in settings {
        let origin = format!("({from})");
        let (width, value) = (origin_width + "()".len(), escape_control_chars(value));
        writeln!(out, "  {annotation:key_width$}  {origin:width$}  {value}")?;
    }
    Ok(())
}

fn render_additions(additions: &Additions, verb: &str, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(out)?;
    if let Some(sidecar) = &additions.sidecar {
        let position = if sidecar.after.is_empty() {
            "the first init container".to_owned()
        } else {
            format!("an init container after {}", sidecar.after.join(", "))
        };
        writeln!(out, "  {verb} the sidecar, {position}: {}", sidecar.image)?;
    }
    writeln!(out, "  {verb} the volumes {}", additions.volumes.join(", "))?;
    for container in &additions.containers {
        writeln!(out, "  {verb} in the container {}", container.name)?;
        for variable in &container.env {
            let (name, value) = (escape_control_chars(&variable.name), escape_control_chars(&variable.value));
            writeln!(out, "    {name}={value}")?;
        }
        for mount in &container.mounts {
            writeln!(out, "    {mount}, read-only")?;
        }
    }
    Ok(())
}
