//! Prometheus's text format.

use std::fmt::{Display, Write};

/// Every name begins with this.
const PREFIX: &str = "rolebridge_webhook_";

/// A page of metrics.
#[derive(Debug, Default)]
pub struct Page(String);

/// What a metric is.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counters by upper bound.
    Histogram,
}

/// One metric, whose samples follow.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Page {
    /// Begins a metric. `name` goes without the prefix.
    pub fn family(&mut self, name: &'static str, kind: Type, help: &str) -> Family<'_> {
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        // Writing into a string cannot fail.
        let _ = write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        Family { text: &mut self.0, name }
    }

    /// The text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample. Labels are the program's own words and need no escapes.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// Adds a sample whose name goes on.
    pub fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.text, "{PREFIX}{}{suffix}", self.name);
        for (index, (name, label)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{name}=\"{label}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.text, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}
