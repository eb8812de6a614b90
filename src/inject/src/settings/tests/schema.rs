//! Compares the chart's `values.schema.json` with the parsers. The schema rejects invalid values before a deployment, as far
//! as JSON Schema can express them, and never rejects a valid one.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use regex::bytes::RegexBuilder;
use rolebridge_core::annotations as key;
use serde_json::Value;

use super::values::{INVALID, VALID};
use crate::settings::parse::check;

const SCHEMA: &str = include_str!("../../../../../charts/rolebridge/values.schema.json");

/// Invalid values that the schema accepts, because a pattern cannot express the rule. The webhook rejects them.
const ACCEPTED_BY_SCHEMA: &[(&str, &[&str])] = &[
    (
        key::SERVICE_ACCOUNT,
        &[
            "a@shop.iam.gserviceaccount.com,",
            "a@shop.iam.gserviceaccount.com,b@shop.iam.gserviceaccount.com",
            "a=b@shop.iam.gserviceaccount.com,a=c@shop.iam.gserviceaccount.com",
        ],
    ),
    (key::DELEGATES, &["a@shop.iam.gserviceaccount.com,"]),
    (key::SOURCE, &["loopback,file"]),
    (key::AWS_TOKEN_LIFETIME, &["599", "86401"]),
    (key::TOKEN_LIFETIME, &["99999"]),
    (key::OUTPUTS, &["access-token,access-token"]),
    (key::STS_ENDPOINT, &["https://a,https://a"]),
    (key::PORT, &["65536"]),
    (key::CPU_REQUEST, &["0"]),
    (key::CPU_LIMIT, &["0.0001"]),
    (key::MEMORY_REQUEST, &["24m"]),
    (key::MEMORY_LIMIT, &["15Mi", "16m"]),
];

struct Schema(Value);

impl Schema {
    fn read() -> Self {
        Self(serde_json::from_str(SCHEMA).unwrap())
    }

    /// Returns true if the schema accepts the value of a setting.
    fn accepts(&self, key: &str, value: &Value) -> bool {
        let name = key.strip_prefix(key::PREFIX).unwrap();
        let schema = &self.0["properties"]["defaults"]["properties"]["settings"]["properties"][name];
        let defined =
            schema["$ref"].as_str().and_then(|reference| self.0.pointer(reference.strip_prefix('#')?));
        let rules = defined.unwrap_or(schema).as_object().unwrap_or_else(|| panic!("no schema of {name}"));
        rules.iter().all(|(rule, argument)| match (rule.as_str(), value) {
            ("type", _) => is_one_of(value, argument),
            ("enum", _) => argument.as_array().unwrap().contains(value),
            ("pattern", Value::String(text)) => matches(argument.as_str().unwrap(), text),
            ("not", Value::String(text)) => !matches(argument["pattern"].as_str().unwrap(), text),
            ("minimum", Value::Number(number)) => number.as_f64() >= argument.as_f64(),
            ("maximum", Value::Number(number)) => number.as_f64() <= argument.as_f64(),
            ("pattern" | "not" | "minimum" | "maximum", _) => true,
            _ => panic!("{name}: this test does not know the keyword {rule}"),
        })
    }
}

fn is_one_of(value: &Value, types: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        other => panic!("this test does not know the type {other}"),
    };
    types.as_array().map_or_else(|| is(types), |types| types.iter().any(is))
}

/// Matches like Go's regular expressions, which have ASCII character classes.
fn matches(pattern: &str, text: &str) -> bool {
    RegexBuilder::new(pattern).unicode(false).build().unwrap().is_match(text.as_bytes())
}

/// Returns a value as a string, like `--set-string`, and as a number, like `--set` or a file.
fn representations(text: &str) -> impl Iterator<Item = Value> {
    let number = text.parse().ok().map(Value::Number);
    [Some(Value::from(text)), number].into_iter().flatten()
}

fn pairs<'a, V: AsRef<[&'static str]>>(
    table: &'a [(&'static str, V)],
) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    table.iter().flat_map(|(key, values)| values.as_ref().iter().map(|value| (*key, *value)))
}

#[test]
fn schema_accepts_valid_values_and_rejects_most_invalid_ones() {
    let schema = Schema::read();
    let accepted: Vec<_> = pairs(ACCEPTED_BY_SCHEMA).collect();
    for (key, text) in pairs(VALID).chain(pairs(INVALID)) {
        let expected = check(key, text).is_ok() || accepted.contains(&(key, text));
        assert_eq!(schema.accepts(key, &text.into()), expected, "{key}: {text}");
        for value in representations(text).filter(Value::is_number) {
            assert_eq!(schema.accepts(key, &value), check(key, text).is_ok(), "{key}: the number {text}");
        }
    }
    for (key, text) in accepted {
        assert!(check(key, text).is_err(), "{key}: {text} is valid");
    }
}

/// Characters of typical typos and of other kinds of values.
const CHARACTERS: &[char] = &[
    'a', 'B', '0', '9', '-', '.', ',', '/', ':', '@', '=', '+', '_', '%', ' ', '\t', '\u{a0}', 'ü', 'i', 'm',
    '[', ']', '*', '\n',
];

proptest! {
    #[test]
    fn schema_accepts_every_value_that_a_parser_accepts(
        (key, values) in select(VALID.to_vec()),
        which in any::<Index>(),
        edits in vec((any::<Index>(), select(CHARACTERS), any::<bool>()), 0..4),
    ) {
        let mut text: Vec<char> = values[which.index(values.len())].chars().collect();
        for (index, character, replaces) in edits {
            let index = index.index(text.len() + 1);
            if replaces && index < text.len() {
                text.remove(index);
            }
            text.insert(index, character);
        }
        let text: String = text.into_iter().collect();
        if check(key, &text).is_ok() {
            for value in representations(&text) {
                prop_assert!(Schema::read().accepts(key, &value), "{key}: {value}");
            }
        }
    }
}
