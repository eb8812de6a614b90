//! Fields of log events, read from the source text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

static EVENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:trace|debug|info|warn|error)!\(").expect("the pattern is valid"));

/// Returns the fields of the `tracing` events in a Rust source text.
#[must_use]
pub fn fields(source: &str) -> BTreeSet<String> {
    EVENT.find_iter(source).flat_map(|event| fields_of(&source[event.end()..])).collect()
}

/// Returns the fields before the message. `arguments` begins after the opening parenthesis.
fn fields_of(arguments: &str) -> Vec<String> {
    let (mut depth, mut in_string, mut start) = (0_usize, false, 0);
    let mut parts = Vec::new();
    for (index, c) in arguments.char_indices() {
        match c {
            '"' if !arguments[..index].ends_with('\\') => in_string = !in_string,
            _ if in_string => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => {
                parts.push(&arguments[start..index]);
                break;
            }
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&arguments[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    let fields = parts.into_iter().map(str::trim).take_while(|part| !part.starts_with('"'));
    let name = |part: &str| {
        part.split('=').next().unwrap_or_default().trim().trim_start_matches(['%', '?']).to_owned()
    };
    fields.filter(|part| !part.starts_with("target:")).map(name).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_arguments_before_the_message() {
        let source =
            r#"info!(pod, dry_run, reason = "a, b", "pod {x}"); warn!(%error, n = f(a, b), "text", y = 1);"#;
        assert_eq!(
            fields(source).into_iter().collect::<Vec<_>>(),
            ["dry_run", "error", "n", "pod", "reason"]
        );
    }
}
