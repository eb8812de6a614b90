//! Format of a log line: one JSON object with bounded texts.

use std::error::Error;
use std::fmt::{self, Debug, Write};

use serde_json::{Value, to_string};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Maximum length of a text in a log line, in bytes. Texts contain what users and peers sent, which may be megabytes.
/// Container runtimes split lines over 16 KiB, and few lines have more than two long texts.
pub const MAX_TEXT_BYTES: usize = 4 << 10;

/// Formatter of events.
#[derive(Debug)]
pub(crate) struct BoundedJson;

impl<S, N> FormatEvent<S, N> for BoundedJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\"", event.metadata().level())?;
        let mut fields = Fields { writer: &mut writer, result: Ok(()) };
        event.record(&mut fields);
        fields.result?;
        writer.write_str("}\n")
    }
}

struct Fields<'a, 'w> {
    writer: &'a mut Writer<'w>,
    result: fmt::Result,
}

impl Fields<'_, '_> {
    fn write(&mut self, field: &Field, value: impl Into<Value>) {
        let name = to_string(field.name()).unwrap_or_default();
        let value: Value = value.into();
        self.result = self.result.and_then(|()| write!(self.writer, ",{name}:{value}"));
    }

    fn write_text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        let mut bounded = BoundedText::default();
        // Writing to a String cannot fail.
        let _ = bounded.write_fmt(text);
        self.write(field, bounded.finish());
    }
}

impl Visit for Fields<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write_text(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.write_text(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write_text(field, format_args!("{value:?}"));
    }
}

/// Text that is cut at [`MAX_TEXT_BYTES`].
#[derive(Default)]
struct BoundedText {
    text: String,
    dropped: usize,
}

impl BoundedText {
    fn finish(mut self) -> String {
        if self.dropped > 0 {
            // Writing to a String cannot fail.
            let _ = write!(self.text, "... ({} more bytes)", self.dropped);
        }
        self.text
    }
}

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // After the first cut, a later and shorter piece must not follow.
        let room = if self.dropped == 0 { MAX_TEXT_BYTES - self.text.len() } else { 0 };
        let kept = text.floor_char_boundary(room);
        self.text.push_str(&text[..kept]);
        self.dropped += text.len() - kept;
        Ok(())
    }
}
