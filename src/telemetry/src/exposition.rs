//! Prometheus text exposition format.

use std::fmt::{Display, Write};

/// Initial capacity of the text, enough for most of the metrics of a program.
const CAPACITY: usize = 6 * 1024;

/// Metrics in the text exposition format.
#[derive(Debug)]
pub struct Exposition {
    prefix: &'static str,
    text: String,
}

/// Type of a metric.
#[derive(Debug, Clone, Copy)]
pub enum MetricType {
    /// A value that only increases.
    Counter,
    /// A value that increases and decreases.
    Gauge,
    /// Cumulative counters by upper bound.
    Histogram,
}

/// One metric, to which samples are added.
#[derive(Debug)]
pub struct MetricFamily<'a> {
    exposition: &'a mut Exposition,
    name: &'static str,
}

impl Exposition {
    /// Creates an empty exposition. The name of every metric begins with `prefix`.
    #[must_use]
    pub fn new(prefix: &'static str) -> Self {
        Self { prefix, text: String::with_capacity(CAPACITY) }
    }

    /// Begins a metric. `name` excludes the prefix.
    pub fn family(&mut self, name: &'static str, kind: MetricType, help: &str) -> MetricFamily<'_> {
        let kind = match kind {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
        };
        let prefix = self.prefix;
        // Writing to a String cannot fail.
        let _ = write!(self.text, "# HELP {prefix}{name} {help}\n# TYPE {prefix}{name} {kind}\n");
        MetricFamily { exposition: self, name }
    }

    /// Returns the text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

impl MetricFamily<'_> {
    /// Adds a sample. Label values are constants of the program and need no escaping.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// Adds a sample with a suffix to its name, such as `_sum`.
    pub fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let Exposition { prefix, text } = &mut *self.exposition;
        let _ = write!(text, "{prefix}{}{suffix}", self.name);
        for (index, (name, label)) in labels.iter().enumerate() {
            let _ = write!(text, "{}{name}=\"{label}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn into_text_lists_families_with_their_samples() {
        let mut exposition = Exposition::new("demo_");
        let mut family = exposition.family("calls_total", MetricType::Counter, "Calls.");
        family.sample(&[("outcome", "ok"), ("reason", "")], 2);
        let mut family = exposition.family("duration_seconds", MetricType::Histogram, "Latency.");
        family.suffixed("_bucket", &[("le", "+Inf")], 1);
        family.suffixed("_sum", &[], "0.5");
        exposition.family("age_seconds", MetricType::Gauge, "Age.");
        assert_eq!(
            exposition.into_text(),
            "# HELP demo_calls_total Calls.\n\
             # TYPE demo_calls_total counter\n\
             demo_calls_total{outcome=\"ok\",reason=\"\"} 2\n\
             # HELP demo_duration_seconds Latency.\n\
             # TYPE demo_duration_seconds histogram\n\
             demo_duration_seconds_bucket{le=\"+Inf\"} 1\n\
             demo_duration_seconds_sum 0.5\n\
             # HELP demo_age_seconds Age.\n\
             # TYPE demo_age_seconds gauge\n"
        );
    }
}
