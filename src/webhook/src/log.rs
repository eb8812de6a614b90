//! Structured logs: one JSON object a line, on standard output.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Logs from now on: this crate at the level that was asked for, libraries only what is wrong.
pub(crate) fn start(level: Level) {
    let others = level.min(Level::WARN);
    let targets = Targets::new().with_default(others).with_target("rolebridge_webhook", level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false);
    // It fails where a subscriber is set already, as in a test that runs the whole program: then that one is right.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}
