//! Explanations as a person reads them, and as a program does.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::additions::Additions;
use super::{Explanation, Row};
use crate::error::CliError;
use crate::output::{OutputFormat, escape_control_chars, write_as};

/// Writes all explanations.
pub(crate) fn write(
    explanations: &[Explanation],
    output: OutputFormat,
    out: &mut impl Write,
) -> Result<(), CliError> {
    if output != OutputFormat::Text {
        return write_as(explanations, output, out);
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
    let colour = match *outcome {
        "injected" => AnsiColor::Green.on_default(),
        "denied" => AnsiColor::Red.on_default(),
        _ => yellow,
    };
    writeln!(
        out,
        "{bold}{object}{bold:#} in the namespace {namespace}, as the service account {service_account}: \
         {colour}{outcome}{colour:#}"
    )?;
    if let Some(message) = message {
        writeln!(out, "  {message}")?;
    }
    for warning in warnings {
        writeln!(out, "  {yellow}warning:{yellow:#} {warning}")?;
    }
    let wide = |width: fn(&Row) -> usize| settings.iter().map(width).max().unwrap_or_default();
    let (keys, places) = (wide(|row| row.annotation.len()), wide(|row| row.from.len()));
    if !settings.is_empty() {
        writeln!(out)?;
    }
    for Row { annotation, value, from } in settings {
        let from = format!("({from})");
        writeln!(
            out,
            "  {annotation:keys$}  {from:places$}  {}",
            escape_control_chars(value),
            places = places + 2
        )?;
    }
    let verb = if *outcome == "injected" { "adds" } else { "has" };
    additions.as_ref().map_or(Ok(()), |additions| render_additions(additions, verb, out))
}

fn render_additions(added: &Additions, verb: &str, out: &mut impl Write) -> Result<(), CliError> {
    writeln!(out)?;
    if let Some(sidecar) = &added.sidecar {
        let place = if sidecar.after.is_empty() {
            "the first init container".to_owned()
        } else {
            format!("an init container after {}", sidecar.after.join(", "))
        };
        writeln!(out, "  {verb} the sidecar, {place}: {}", sidecar.image)?;
    }
    writeln!(out, "  {verb} the volumes {}", added.volumes.join(", "))?;
    for container in &added.containers {
        writeln!(out, "  {verb} in the container {}", container.name)?;
        for variable in &container.env {
            writeln!(
                out,
                "    {}={}",
                escape_control_chars(&variable.name),
                escape_control_chars(&variable.value)
            )?;
        }
        for mount in &container.mounts {
            writeln!(out, "    {mount}, read-only")?;
        }
    }
    Ok(())
}
