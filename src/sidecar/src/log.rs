//! Structured logs: lines of JSON on standard error.
//!
//! Only this crate's own events are logged, at any level, because the traces of libraries contain whole requests and so
//! secrets.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{fmt, registry};

const CRATE: &str = env!("CARGO_CRATE_NAME");

/// Starts logging to standard error.
///
/// # Errors
/// Returns an error if the process logs already.
pub fn start(level: LevelFilter) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(subscriber(level, std::io::stderr))
}

/// Returns the subscriber, which formats and filters events.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    registry().with(Targets::new().with_target(CRATE, level)).with(lines)
}
