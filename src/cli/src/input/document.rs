//! A document of a manifest: its text and its parsed value.

use serde_json::Value;
use serde_saphyr::{budget, options};

use crate::error::CliError;
use crate::input::object::Object;
use crate::input::ordered_value::OrderedValue;
use crate::input::split;
use crate::input::yaml_error::YamlErrorMessages;
use crate::output::to_yaml;

/// A document of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The file and number of the document, for messages: `deployment.yaml, document 2`.
    pub(crate) location: String,
    /// The text as it was read, with its separator.
    pub(crate) text: String,
    /// The parsed value; null for an empty document.
    pub(crate) root: OrderedValue,
}

impl Document {
    /// Parses the documents of a file's text.
    ///
    /// # Errors
    ///
    /// Returns an error if a document is not valid YAML or JSON.
    pub(crate) fn read_all(file: &str, text: &str) -> Result<Vec<Self>, CliError> {
        let mut line = 0;
        let mut documents = Vec::new();
        for (index, text) in split::split(text).into_iter().enumerate() {
            let (separator, body) = split::separator(text);
            let location = format!("{file}, document {}", index + 1);
            let root = parse(body, line + separator.lines().count())
                .map_err(|message| CliError::Yaml { location: location.clone(), message })?;
            line += text.matches('\n').count();
            documents.push(Self { location, text: text.to_owned(), root });
        }
        Ok(documents)
    }

    pub(crate) fn objects(&self) -> Vec<Object<'_>> {
        Object::all(&self.root, &self.location)
    }

    /// Serializes another root in the format of this document, YAML or JSON, with its separator.
    pub(crate) fn with(&self, root: &OrderedValue) -> Result<String, CliError> {
        let (separator, body) = split::separator(&self.text);
        let text = if split::is_json(body) {
            serde_json::to_string_pretty(root).map_err(|error| CliError::Format(error.to_string()))?
        } else {
            to_yaml(root)?
        };
        Ok(format!("{separator}{}\n", text.trim_end()))
    }
}

/// Parses a document by YAML 1.1, as Kubernetes tools do: `0644` is octal, `on` is true.
fn parse(text: &str, lines_before: usize) -> Result<OrderedValue, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(OrderedValue::Scalar(Value::Null));
    }
    let read = |text: &str| {
        serde_saphyr::from_str_with_options(
            text,
            options! {
                legacy_octal_numbers: true,
                // A List of a whole cluster is large but valid. The expansion of aliases stays bounded.
                budget: budget! {
                    max_events: usize::MAX,
                    max_nodes: usize::MAX,
                    max_total_scalar_bytes: usize::MAX,
                    max_depth: 128,
                },
            },
        )
    };
    // The second parse only produces an error with the line number in the file.
    read(text)
        .or_else(|_| read(&("\n".repeat(lines_before) + text)))
        .map_err(|error| error.render_with_formatter(&YamlErrorMessages))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn read_all_accepts_large_list() {
        let item = "- {kind: Pod, spec: {containers: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]}}\n";
        let text = format!("kind: List\nitems:\n{}", item.repeat(15_000));
        let documents = Document::read_all("all", &text).unwrap();
        assert_eq!(documents[0].objects().len(), 15_000);
    }

    #[test]
    fn read_all_error_names_line_of_file() {
        let error = Document::read_all("f", "a: 1\n---\n# x\nb: 2\n---\nc: [\n").unwrap_err().to_string();
        assert!(error.contains("f, document 3") && error.contains("line 6"), "{error}");
    }

    #[rstest]
    #[case("a: 0644", r#"{"a":420}"#)]
    #[case("a: on", r#"{"a":true}"#)]
    #[case("a: &x {b: 1}\nc: *x", r#"{"a":{"b":1},"c":{"b":1}}"#)]
    #[case("a: &x {b: 1}\nc: {<<: *x, d: 2}", r#"{"a":{"b":1},"c":{"d":2,"b":1}}"#)]
    #[case("80: a", r#"{"80":"a"}"#)]
    fn parse_follows_yaml_1_1(#[case] yaml: &str, #[case] json: &str) {
        assert_eq!(serde_json::to_string(&parse(yaml, 0).unwrap()).unwrap(), json);
    }

    #[rstest]
    #[case("1")]
    #[case("0644")]
    #[case("1e3")]
    #[case("on")]
    #[case("y")]
    #[case("null")]
    #[case("~")]
    #[case("")]
    #[case("12:30:45")]
    #[case("0x1f")]
    #[case("1_000")]
    #[case(" a")]
    #[case("a: b")]
    #[case("#")]
    #[case("*x")]
    #[case("2026-01-01")]
    fn to_yaml_quotes_ambiguous_strings(#[case] text: &str) {
        let yaml =
            to_yaml(&OrderedValue::Map(vec![("a".to_owned(), OrderedValue::Scalar(text.into()))])).unwrap();
        assert_eq!(parse(&yaml, 0).unwrap().text(&["a"]), Some(text));
        assert!(yaml.contains(['"', '\'']), "{yaml}");
    }
}
