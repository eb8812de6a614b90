//! Writes explanations, for people or for programs.

use anstyle::{AnsiColor, Style};
use rolebridge_core::annotations as key;
use rolebridge_core::client_versions::{REJECT_LOOPBACK, RejectingVersions};
use rolebridge_core::metadata_host;
use rolebridge_core::token_source::TokenSource;

use crate::cluster::exchanges::{Exchanges, QUOTA_PER_MINUTE};
use crate::commands::explain::additions::Additions;
use crate::commands::explain::explanation::{Explanation, Outcome, Row};
use crate::error::CliError;
use crate::output::{Console, Line, OutputFormat, write_serialized};

const HOURS_PER_DAY: u64 = 24;

/// Writes all explanations.
pub(crate) fn write(
    explanations: &[Explanation],
    format: OutputFormat,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    if format != OutputFormat::Text {
        return write_serialized(explanations, format, out);
    }
    for (index, explanation) in explanations.iter().enumerate() {
        if index > 0 {
            out.empty_line()?;
        }
        render_text(explanation, out)?;
    }
    Ok(())
}

fn render_text(explanation: &Explanation, out: &mut Console<'_>) -> Result<(), CliError> {
    let Explanation {
        object,
        namespace,
        service_account,
        outcome,
        message,
        warnings,
        settings,
        replicas,
        exchanges,
        additions,
        ..
    } = explanation;
    let (bold, yellow) = (Style::new().bold(), AnsiColor::Yellow.on_default());
    let color = match outcome {
        Outcome::Injected => AnsiColor::Green.on_default(),
        Outcome::Skipped => yellow,
        Outcome::Denied => AnsiColor::Red.on_default(),
    };
    let title = Line::new().styled(bold, object).text(" in the namespace ").text(namespace);
    let title = title.text(", as the service account ").text(service_account).text(": ");
    out.line(&title.styled(color, outcome.name()))?;
    if let Some(message) = message {
        out.line(&Line::new().text("  ").text(message))?;
    }
    for warning in warnings {
        out.line(&Line::new().text("  ").styled(yellow, "warning:").text(" ").text(warning))?;
    }
    render_settings(settings, out)?;
    let verb = if *outcome == Outcome::Injected { "adds" } else { "has" };
    let Some(additions) = additions else { return Ok(()) };
    render_additions(additions, verb, out)?;
    if let Some(exchanges) = exchanges {
        render_exchanges(exchanges, *replicas, out)?;
    }
    if has_loopback(settings) { render_rejecting_versions(out) } else { Ok(()) }
}

/// Returns true if a container has the source `loopback`.
fn has_loopback(settings: &[Row]) -> bool {
    let source = settings.iter().find(|row| row.annotation == key::SOURCE);
    source.is_some_and(|row| row.value.contains(TokenSource::Loopback.as_str()))
}

fn render_rejecting_versions(out: &mut Console<'_>) -> Result<(), CliError> {
    out.empty_line()?;
    let mut line = |text: String| out.line(&Line::new().text(text));
    line("  versions that reject loopback; update the library, or if you cannot, set the source".to_owned())?;
    let library = |rejecting: &RejectingVersions| {
        format!("{}, {} {}", rejecting.language, rejecting.library, rejecting.versions())
    };
    let width = REJECT_LOOPBACK.iter().map(|rejecting| library(rejecting).len()).max().unwrap_or_default();
    for rejecting in &REJECT_LOOPBACK {
        let (library, source) = (library(rejecting), rejecting.instead.as_str());
        line(format!("    {library:width$}  {}: {source}", key::SOURCE))?;
    }
    Ok(())
}

/// Writes what the pods need of Google's quota.
fn render_exchanges(
    exchanges: &Exchanges,
    replicas: Option<u64>,
    out: &mut Console<'_>,
) -> Result<(), CliError> {
    let Exchanges { project, endpoints, per_day } = exchanges;
    let pods = match replicas {
        None | Some(0) => "each pod exchanges".to_owned(),
        Some(1) => "one pod exchanges".to_owned(),
        Some(count) => format!("{count} pods exchange"),
    };
    let per_hour = per_day.saturating_mul(replicas.unwrap_or(1).max(1)).div_ceil(HOURS_PER_DAY);
    let endpoints = match &endpoints[..] {
        [endpoint] => endpoint.clone(),
        endpoints => format!("each of {}", endpoints.join(", ")),
    };
    out.empty_line()?;
    out.line(&Line::new().text(format!(
        "  {pods} about {per_hour} tokens per hour; Google allows {QUOTA_PER_MINUTE} per minute at {endpoints} for the \
         project {project}"
    )))
}

fn render_settings(settings: &[Row], out: &mut Console<'_>) -> Result<(), CliError> {
    let max_width = |width: fn(&Row) -> usize| settings.iter().map(width).max().unwrap_or_default();
    let (key_width, origin_width) = (max_width(|row| row.annotation.len()), max_width(|row| row.from.len()));
    if !settings.is_empty() {
        out.empty_line()?;
    }
    for Row { annotation, value, from } in settings {
        let origin = format!("({from})");
        let width = origin_width + "()".len();
        let columns = format!("  {annotation:key_width$}  {origin:width$}  ");
        out.line(&Line::new().text(columns).text(value))?;
    }
    Ok(())
}

fn render_additions(additions: &Additions, verb: &str, out: &mut Console<'_>) -> Result<(), CliError> {
    out.empty_line()?;
    let mut line = |text: String| out.line(&Line::new().text(text));
    if let Some(sidecar) = &additions.sidecar {
        let position = if sidecar.after.is_empty() {
            "the first init container".to_owned()
        } else {
            format!("an init container after {}", sidecar.after.join(", "))
        };
        line(format!("  {verb} the sidecar, {position}: {}", sidecar.image))?;
    }
    line(format!("  {verb} the volumes {}", additions.volumes.join(", ")))?;
    if !additions.host_names.is_empty() {
        let (names, sysctl) = (additions.host_names.join(", "), metadata_host::PORT_SYSCTL);
        line(format!("  {verb} the names {names} for {}, and the sysctl {sysctl}", metadata_host::ADDRESS))?;
    }
    for container in &additions.containers {
        line(format!("  {verb} in the container {}", container.name))?;
        for variable in &container.env {
            line(format!("    {}={}", variable.name, variable.value))?;
        }
        for mount in &container.mounts {
            line(format!("    {mount}, read-only"))?;
        }
    }
    Ok(())
}
