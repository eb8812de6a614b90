//! Renders a decision for the snapshots.

use std::fmt::Write;

use rolebridge_inject::{Admission, Decision};
use serde_json::Value;

/// Renders the decision, its messages, and the operations of the patch.
pub(crate) fn admission(admission: &Admission<'_>) -> String {
    let mut text = String::new();
    match &admission.decision {
        Decision::Patch(_) => text.push_str("injected\n"),
        Decision::Skip(reason) => writeln!(text, "skipped: {}", reason.code()).unwrap(),
        Decision::Deny(denial) => {
            writeln!(text, "denied: {}\n{}", denial.reason.code(), denial.message).unwrap();
        }
    }
    if admission.depends_on_metadata.any() {
        text.push_str("(a newer service account or namespace could change this)\n");
    }
    for warning in &admission.warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    if let Decision::Patch(patch) = &admission.decision {
        let operations: Vec<Value> = serde_json::from_str(patch.as_json()).unwrap();
        for operation in &operations {
            write_operation(&mut text, operation);
        }
    }
    text
}

fn write_operation(text: &mut String, operation: &Value) {
    let (op, path) = (operation["op"].as_str().unwrap(), operation["path"].as_str().unwrap());
    let from = operation["from"].as_str().map(|from| format!("{from} to ")).unwrap_or_default();
    writeln!(text, "\n{op} {from}{path}").unwrap();
    if let Some(value) = operation.get("value") {
        writeln!(text, "{}", json(value, 0)).unwrap();
    }
}

/// Maximum number of characters in a line.
const WIDTH: usize = 110;

/// Renders JSON with one element per line, unless everything fits into one line. A string that contains a JSON document, as
/// some annotations do, is rendered as that document.
fn json(value: &Value, depth: usize) -> String {
    let line = one_line(value);
    if depth * 2 + line.chars().count() <= WIDTH {
        return line;
    }
    let (open, close, elements): (_, _, Vec<_>) = match value {
        Value::Array(elements) => {
            ("[", "]", elements.iter().map(|element| json(element, depth + 1)).collect())
        }
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key:?}: {}", json(value, depth + 1));
            ("{", "}", fields.iter().map(field).collect())
        }
        Value::String(text) => match document(text) {
            Some(document) => return format!("the text of {}", json(&document, depth)),
            None => return line,
        },
        _ => return line,
    };
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    let elements: Vec<_> = elements.into_iter().map(|element| format!("{inner}{element}")).collect();
    format!("{open}\n{}\n{outer}{close}", elements.join(",\n"))
}

fn one_line(value: &Value) -> String {
    let joined = |elements: Vec<String>| elements.join(", ");
    match value {
        Value::Array(elements) => format!("[{}]", joined(elements.iter().map(one_line).collect())),
        Value::Object(fields) if fields.is_empty() => "{}".to_owned(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key:?}: {}", one_line(value));
            format!("{{ {} }}", joined(fields.iter().map(field).collect()))
        }
        scalar => scalar.to_string(),
    }
}

/// Parses a string that contains a JSON document in one line. The version is replaced, so snapshots do not depend on it.
fn document(text: &str) -> Option<Value> {
    let mut document: Value = serde_json::from_str(text).ok()?;
    let is_one = document.is_object() && document.to_string().len() == text.len();
    if let Some(version) = document.get_mut("version").filter(|version| *version == env!("CARGO_PKG_VERSION"))
    {
        *version = Value::from("THIS VERSION");
    }
    is_one.then_some(document)
}
