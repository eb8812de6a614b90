//! Prometheus text exposition format.

use std::fmt::{Display, Write};

/// Prefix of every metric name.
const PREFIX: &str = "rolebridge_webhook_";

/// Metrics in the text exposition format.
#[derive(Debug, Default)]
pub struct Exposition(String);

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
    text: &'a mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a metric. `name` excludes the prefix.
    pub fn family(&mut self, name: &'static str, kind: MetricType, help: &str) -> MetricFamily<'_> {
        let kind = match kind {
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        MetricFamily { text: &mut self.0, name }
    }

    /// Returns the text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

impl MetricFamily<'_> {
    /// Adds a sample. Label values are constants of the program and need no escaping.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// Adds a sample with a suffix to its name, such as `_sum`.
    pub fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{PREFIX}{}{suffix}", self.name);
        for (index, (name, label)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{name}=\"{label}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
