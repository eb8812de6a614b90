//! One document: its text, and what it says.

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_saphyr::{budget, options, ser_options};

use crate::error::CliError;
use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;
use crate::input::split;
use crate::input::yaml_error::YamlErrorMessages;

/// A document of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Where it stands, for people: `deployment.yaml, document 2`.
    pub(crate) place: String,
    /// As it was written, separator and all.
    pub(crate) text: String,
    /// What it says; null where it is empty.
    pub(crate) root: OrderedValue,
}

impl Document {
    /// The documents of a file's text.
    pub(crate) fn read_all(file: &str, text: &str) -> Result<Vec<Self>, CliError> {
        let mut line = 0;
        let mut documents = Vec::new();
        for (index, text) in split::split(text).into_iter().enumerate() {
            let (separator, body) = split::separator(text);
            let place = format!("{file}, document {}", index + 1);
            let root = parse(body, line + separator.lines().count())
                .map_err(|message| CliError::Yaml { place: place.clone(), message })?;
            line += text.matches('\n').count();
            documents.push(Self { place, text: text.to_owned(), root });
        }
        Ok(documents)
    }

    pub(crate) fn objects(&self) -> Vec<Object<'_>> {
        Object::all(&self.root, &self.place)
    }

    /// The text with another root, in the language that it is written in.
    pub(crate) fn with(&self, root: &OrderedValue) -> Result<String, CliError> {
        let (separator, body) = split::separator(&self.text);
        let is_json = serde_json::from_str::<IgnoredAny>(body).is_ok();
        let text = if is_json {
            serde_json::to_string_pretty(root).map_err(|error| CliError::Format(error.to_string()))?
        } else {
            yaml(root)?
        };
        Ok(format!("{separator}{}\n", text.trim_end()))
    }
}

/// Reads a document as Kubernetes' tools do, by YAML 1.1: `0644` is octal, `on` is true.
fn parse(text: &str, lines_before: usize) -> Result<OrderedValue, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(OrderedValue::Scalar(Value::Null));
    }
    let read = |text: &str| {
        serde_saphyr::from_str_with_options(
            text,
            options! {
                legacy_octal_numbers: true,
                // A whole cluster in one List is large, but no attack; what aliases may unfold into stays bounded.
                budget: budget! {
                    max_events: usize::MAX,
                    max_nodes: usize::MAX,
                    max_total_scalar_bytes: usize::MAX,
                    max_depth: 128,
                },
            },
        )
    };
    // A second time for an error alone, whose line is then the file's.
    read(text)
        .or_else(|_| read(&("\n".repeat(lines_before) + text)))
        .map_err(|error| error.render_with_formatter(&YamlErrorMessages))
}

/// Writes YAML so that every reader takes strings for strings.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, CliError> {
    // Only lines that were there are broken.
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| CliError::Format(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_cluster_in_one_list_is_read() {
        let item = "- {kind: Pod, spec: {containers: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]}}\n";
        let text = format!("kind: List\nitems:\n{}", item.repeat(15_000));
        let documents = Document::read_all("all", &text).unwrap();
        assert_eq!(documents[0].objects().len(), 15_000);
    }

    #[test]
    fn an_error_names_the_line_of_the_file() {
        let error = Document::read_all("f", "a: 1\n---\n# x\nb: 2\n---\nc: [\n").unwrap_err().to_string();
        assert!(error.contains("f, document 3") && error.contains("line 6"), "{error}");
    }

    #[test]
    fn yaml_means_what_it_means_to_kubernetes() {
        for (yaml, json) in [
            ("a: 0644", r#"{"a":420}"#),
            ("a: on", r#"{"a":true}"#),
            ("a: &x {b: 1}\nc: *x", r#"{"a":{"b":1},"c":{"b":1}}"#),
            ("a: &x {b: 1}\nc: {<<: *x, d: 2}", r#"{"a":{"b":1},"c":{"d":2,"b":1}}"#),
            ("80: a", r#"{"80":"a"}"#),
        ] {
            assert_eq!(serde_json::to_string(&parse(yaml, 0).unwrap()).unwrap(), json, "{yaml}");
        }
    }

    #[test]
    fn a_string_stays_a_string_for_every_reader() {
        for text in [
            "1",
            "0644",
            "1e3",
            "on",
            "y",
            "null",
            "~",
            "",
            "12:30:45",
            "0x1f",
            "1_000",
            " a",
            "a: b",
            "#",
            "*x",
            "2026-01-01",
        ] {
            let yaml =
                yaml(&OrderedValue::Map(vec![("a".to_owned(), OrderedValue::Scalar(text.into()))])).unwrap();
            assert_eq!(parse(&yaml, 0).unwrap().text(&["a"]), Some(text));
            assert!(yaml.contains(['"', '\'']), "{yaml}");
        }
    }
}
