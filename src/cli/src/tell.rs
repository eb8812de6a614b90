//! Explanations as a person reads them, and as a program does.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::added::Added;
use crate::document;
use crate::explain::{Explanation, Row};
use crate::failure::Failure;

/// How `explain` and `check` write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// For programs: a list, an item for each pod or finding
    Json,
    /// The same in YAML
    Yaml,
}

/// Writes all explanations.
pub(crate) fn write(
    explanations: &[Explanation],
    output: Output,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if output != Output::Text {
        return write_as(explanations, output, out);
    }
    for (index, explanation) in explanations.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        tell(explanation, out)?;
    }
    Ok(())
}

/// Writes what a program is to read.
pub(crate) fn write_as<T: Serialize>(
    items: &[T],
    output: Output,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if output == Output::Yaml {
        return Ok(write!(out, "{}", document::yaml(&items)?)?);
    }
    let text = serde_json::to_string_pretty(items);
    Ok(writeln!(out, "{}", text.map_err(|error| Failure::Format(error.to_string()))?)?)
}

fn tell(explanation: &Explanation, out: &mut impl Write) -> Result<(), Failure> {
    let Explanation {
        object, namespace, service_account, outcome, message, warnings, settings, adds, ..
    } = explanation;
    let (bold, yellow) = (Style::new().bold(), AnsiColor::Yellow.on_default());
    let colour = match *outcome {
        "injected" => AnsiColor::Green.on_default(),
        "refused" => AnsiColor::Red.on_default(),
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
        writeln!(out, "  {annotation:keys$}  {from:places$}  {}", plain(value), places = places + 2)?;
    }
    let verb = if *outcome == "injected" { "adds" } else { "has" };
    adds.as_ref().map_or(Ok(()), |adds| tell_added(adds, verb, out))
}

fn tell_added(added: &Added, verb: &str, out: &mut impl Write) -> Result<(), Failure> {
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
            writeln!(out, "    {}={}", plain(&variable.name), plain(&variable.value))?;
        }
        for mount in &container.mounts {
            writeln!(out, "    {mount}, read-only")?;
        }
    }
    Ok(())
}

/// What somebody else wrote, without what would steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn nobody_steers_the_terminal() {
        assert_eq!(plain("ü\u{1b}[31m\n"), "ü\\u{1b}[31m\\n");
    }
}
