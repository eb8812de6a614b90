//! Structured logs: one JSON object per line.
//!
//! Only the events of one crate are logged, whatever the level. Events of libraries may contain whole requests, and so
//! secrets. Libraries also log each failed attempt without its cause; the code that calls them logs the cause, when it
//! gives up or retries.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{fmt, registry};

use crate::json::BoundedJson;

/// Installs the global subscriber: it writes the events of `crate_name` to `writer`.
///
/// # Errors
///
/// Returns an error if a global subscriber is already installed.
pub fn init<W>(crate_name: &str, level: LevelFilter, writer: W) -> Result<(), SetGlobalDefaultError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    set_global_default(subscriber(crate_name, level, writer))
}

/// Builds the subscriber that filters and formats events.
fn subscriber<W>(crate_name: &str, level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().event_format(BoundedJson).with_writer(writer);
    registry().with(Targets::new().with_target(crate_name, level)).with(lines)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use tracing::subscriber::with_default;
    use tracing::{debug, error, info};

    use super::*;
    use crate::json::MAX_TEXT_BYTES;

    const CRATE: &str = env!("CARGO_CRATE_NAME");

    #[test]
    fn subscriber_ignores_events_of_libraries() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = Arc::new(File::create(&path).unwrap());
        with_default(subscriber(CRATE, LevelFilter::INFO, file), || {
            info!(answer = 42, "own event");
            debug!("below the level");
            error!(target: "kube_client::client", "failed with error client error (Connect)");
        });
        let lines = std::fs::read_to_string(&path).unwrap();
        assert_eq!(lines.lines().count(), 1, "{lines}");
        let expected = r#""level":"INFO","message":"own event","answer":42}"#;
        assert!(lines.starts_with(r#"{"timestamp":""#) && lines.trim_end().ends_with(expected), "{lines}");
    }

    #[test]
    fn subscriber_bounds_every_text_and_keeps_types() {
        let (dir, long) = (tempfile::tempdir().unwrap(), "ü".repeat(1 << 20));
        let path = dir.path().join("log");
        let file = Arc::new(File::create(&path).unwrap());
        with_default(subscriber(CRATE, LevelFilter::INFO, file), || {
            let error = std::io::Error::other(long.clone());
            info!(long, %error, debug = ?long, count = 1_u8, less = -1, ratio = 0.5, yes = true, "a\n\"b\" {long}");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() < 5 * MAX_TEXT_BYTES && text.lines().count() == 1, "{} bytes", text.len());
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["long"], format!("{}... (2093056 more bytes)", "ü".repeat(MAX_TEXT_BYTES / 2)));
        for field in ["error", "debug", "message"] {
            let text = line[field].as_str().unwrap();
            assert!(text.ends_with(" more bytes)"), "{field}");
        }
        assert!(line["message"].as_str().unwrap().starts_with("a\n\"b\" ü"));
        assert_eq!(
            (&line["count"], &line["less"], &line["ratio"], &line["yes"]),
            (&1.into(), &(-1).into(), &0.5.into(), &true.into())
        );
    }
}
