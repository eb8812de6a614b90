//! Formats a pod as compact YAML: values that fit on one line are written on one line.

use std::fmt::Write;

use serde_json::Value;

/// Maximum line length. Longer lines are broken where YAML permits it, and truncated elsewhere.
const WIDTH: usize = 100;

/// Formats a document.
pub(crate) fn format(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let _ = write!(text, "{:indent$}{}:", "", scalar(key));
                mapping_value(text, value, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = text.len();
                if let Some(line) = one_line(item, indent + 2) {
                    let _ = writeln!(text, "{:indent$}- {line}", "");
                } else {
                    block(text, item, indent + 2);
                    // The dash is on the first line of the block.
                    text.replace_range(start + indent..=start + indent, "-");
                }
            }
        }
        other => {
            let _ = writeln!(text, "{:indent$}{}", "", inline(other));
        }
    }
}

/// Writes the value of a key: on the key's line if it fits, else below it.
fn mapping_value(text: &mut String, value: &Value, indent: usize) {
    let used = text.len() - text.rfind('\n').map_or(0, |newline| newline + 1);
    match (value, one_line(value, used + 1)) {
        (_, Some(line)) => {
            let _ = writeln!(text, " {line}");
        }
        (Value::Object(_), None) => {
            text.push('\n');
            block(text, value, indent + 2);
        }
        (Value::Array(_), None) => {
            text.push('\n');
            block(text, value, indent);
        }
        (other, None) => {
            let line = inline(other);
            let truncated: String = line.chars().take(WIDTH.saturating_sub(used + 2)).collect();
            let _ = writeln!(text, " {truncated}…");
        }
    }
}

/// Returns the value on one line, if it is flat and short enough.
fn one_line(value: &Value, used: usize) -> Option<String> {
    let nested =
        |value: &Value| value.as_object().is_some_and(|fields| !fields.is_empty()) || value.is_array();
    let is_deep = match value {
        // Annotations and labels are written one on each line, so that the diff shows only the added ones.
        Value::Object(fields) => {
            fields.keys().any(|key| key.contains('/'))
                || fields.values().filter(|value| nested(value)).count() > 1
        }
        Value::Array(items) => items.iter().any(nested),
        _ => false,
    };
    let line = inline(value);
    (!is_deep && used + line.chars().count() <= WIDTH).then_some(line)
}

fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, value)| format!("{}: {}", scalar(key), inline(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// Formats a string, quoted only where YAML would parse something else.
fn scalar(text: &str) -> String {
    let is_plain_char = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text.chars().all(is_plain_char)
        && !text.ends_with(':')
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        return Value::from(text).to_string();
    }
    // JSON is more legible in single quotes, where only single quotes are escaped.
    let quote = if text.contains('"') { '\'' } else { '"' };
    if quote == '"' && text.contains('\\') {
        return Value::from(text).to_string();
    }
    format!("{quote}{}{quote}", if quote == '\'' { text.replace('\'', "''") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn format_uses_one_line_where_possible() {
        let long = "x".repeat(200);
        let value = json!({
            "metadata": {"annotations": {"a": r#"{"it's": 1}"#, "b": long}, "labels": {"a.io/b": "c"}},
            "spec": {"containers": [
                {"args": ["run"], "env": [{"name": "A", "value": "true"}, {"name": "B", "value": "12"}], "name": "app"},
                {"name": "short"},
            ]},
        });
        let expected = format!(
            "metadata:\n  annotations:\n    a: '{{\"it''s\": 1}}'\n    b: {}…\n  labels:\n    a.io/b: c\nspec:\n  containers:\n  - args: [run]\n    \
             env:\n    - {{name: A, value: \"true\"}}\n    - {{name: B, value: \"12\"}}\n    name: app\n  - {{name: short}}\n",
            "x".repeat(92)
        );
        assert_eq!(format(&value), expected);
    }
}
