//! Structured logs: one JSON object per line, on standard output.
//!
//! Only this crate's own events are logged, whatever the level. Libraries log each failed attempt without its cause; the
//! code that calls them logs the cause, when it gives up or retries.

use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const CRATE: &str = env!("CARGO_CRATE_NAME");

/// Installs the global subscriber.
pub(crate) fn start(level: Level) {
    // Fails if a subscriber is already set, for example by a test that runs the whole program.
    let _ = subscriber(level, std::io::stdout).try_init();
}

/// Builds the subscriber that filters and formats events.
fn subscriber<W>(level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_writer(writer);
    tracing_subscriber::registry().with(Targets::new().with_target(CRATE, level)).with(lines)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use tracing::subscriber::with_default;
    use tracing::{debug, error, info};

    use super::*;

    #[test]
    fn subscriber_ignores_events_of_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = Arc::new(File::create(&path).unwrap());
        with_default(subscriber(Level::INFO, file), || {
            info!("own event");
            debug!("below the level");
            error!(target: "kube_client::client", "failed with error client error (Connect)");
        });
        let lines = std::fs::read_to_string(&path).unwrap();
        assert_eq!(lines.lines().count(), 1, "{lines}");
        assert!(lines.contains("\"message\":\"own event\""), "{lines}");
    }
}
