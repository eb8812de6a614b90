//! One document: its text, and what it says.

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_saphyr::{options, ser_options};

use crate::failure::Failure;
use crate::node::Node;
use crate::object::Object;
use crate::stream;

/// A document of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Where it stands, for people: `deployment.yaml, document 2`.
    pub(crate) place: String,
    /// As it was written, separator and all.
    pub(crate) text: String,
    /// What it says; null where it is empty.
    pub(crate) root: Node,
}

impl Document {
    /// The documents of a file's text.
    pub(crate) fn read_all(file: &str, text: &str) -> Result<Vec<Self>, Failure> {
        let mut line = 0;
        let mut documents = Vec::new();
        for (index, text) in stream::split(text).into_iter().enumerate() {
            let (separator, body) = stream::separator(text);
            let place = format!("{file}, document {}", index + 1);
            let root = parse(body, line + separator.lines().count())
                .map_err(|message| Failure::Yaml { place: place.clone(), message })?;
            line += text.lines().count();
            documents.push(Self { place, text: text.to_owned(), root });
        }
        Ok(documents)
    }

    pub(crate) fn objects(&self) -> Vec<Object<'_>> {
        Object::all(&self.root, &self.place)
    }

    /// The text with another root, in the language that it is written in.
    pub(crate) fn with(&self, root: &Node) -> Result<String, Failure> {
        let (separator, body) = stream::separator(&self.text);
        let is_json = serde_json::from_str::<IgnoredAny>(body).is_ok();
        let text = if is_json {
            serde_json::to_string_pretty(root).map_err(|error| Failure::Format(error.to_string()))?
        } else {
            yaml(root)?
        };
        Ok(format!("{separator}{}\n", text.trim_end()))
    }
}

/// Reads a document as Kubernetes' tools do, by YAML 1.1: `0644` is octal, `on` is true.
fn parse(text: &str, lines_before: usize) -> Result<Node, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node::Scalar(Value::Null));
    }
    // An error's line is then the file's.
    let text = format!("{}{text}", "\n".repeat(lines_before));
    serde_saphyr::from_str_with_options(&text, options! { legacy_octal_numbers: true })
        .map_err(|error| error.to_string())
}

/// Writes YAML so that every reader takes strings for strings.
pub(crate) fn yaml(value: &impl Serialize) -> Result<String, Failure> {
    // Only lines that were there are broken.
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_string_with_options(value, options).map_err(|error| Failure::Format(error.to_string()))
}
