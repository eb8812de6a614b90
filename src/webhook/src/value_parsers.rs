//! Parsers of command-line values.

use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use k8s_openapi::jiff::SignedDuration;

/// Parses a number of threads.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=1024).contains(count));
    count.ok_or_else(|| "expected a number from 1 to 1024".to_owned())
}

/// Maximum number of live reads a second, or in a burst: more than any API server answers.
const MAX_READS: i64 = 100_000;

/// Parses a number of live reads.
pub(crate) fn reads() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=MAX_READS)
}

/// Parses a duration in Go's syntax, such as `720h` or `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    duration.ok_or_else(|| "expected a duration such as 720h or 1h30m".to_owned())
}

/// Parses `timeoutSeconds` within the range that Kubernetes allows.
pub(crate) fn review_timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=30).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "expected a number from 1 to 30".to_owned())
}

/// Parses a number of seconds, which may have a fraction.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a number of seconds such as 5 or 0.5".to_owned())
}
