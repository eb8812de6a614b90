//! The chart's `values.schema.json` beside the parsers: it refuses what it can before anything is deployed, and never
//! what a pod could have.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use regex::bytes::RegexBuilder;
use rolebridge_core::annotations as key;
use serde_json::Value;

use super::values::{BAD, GOOD};
use crate::settings::check;

const SCHEMA: &str = include_str!("../../../../../charts/rolebridge/values.schema.json");

/// What is wrong in a way that no pattern says: the webhook refuses it.
const LOOSER: &[(&str, &[&str])] = &[
    (key::DELEGATES, &["a@shop.iam.gserviceaccount.com,"]),
    (key::SOURCE, &["loopback,file"]),
    (key::AWS_TOKEN_LIFETIME, &["599", "86401"]),
    (key::TOKEN_LIFETIME, &["99999"]),
    (key::OUTPUTS, &["access-token,access-token"]),
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

    /// Whether a setting may have this value.
    fn takes(&self, key: &str, value: &Value) -> bool {
        let name = key.strip_prefix(key::PREFIX).unwrap();
        let schema = &self.0["properties"]["defaults"]["properties"]["settings"]["properties"][name];
        let defined = schema["$ref"].as_str().and_then(|place| self.0.pointer(place.strip_prefix('#')?));
        let rules = defined.unwrap_or(schema).as_object().unwrap_or_else(|| panic!("no schema of {name}"));
        rules.iter().all(|(rule, says)| match (rule.as_str(), value) {
            ("type", _) => is_one_of(value, says),
            ("enum", _) => says.as_array().unwrap().contains(value),
            ("pattern", Value::String(text)) => matches(says.as_str().unwrap(), text),
            ("minimum", Value::Number(number)) => number.as_f64() >= says.as_f64(),
            ("maximum", Value::Number(number)) => number.as_f64() <= says.as_f64(),
            ("pattern" | "minimum" | "maximum", _) => true,
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

/// As Go's expressions match, whose classes are ASCII's.
fn matches(pattern: &str, text: &str) -> bool {
    RegexBuilder::new(pattern).unicode(false).build().unwrap().is_match(text.as_bytes())
}

/// A value as `--set-string` has it, and as `--set` or a file may.
fn written(text: &str) -> impl Iterator<Item = Value> {
    let number = text.parse().ok().map(Value::Number);
    [Some(Value::from(text)), number].into_iter().flatten()
}

fn pairs<'a, V: AsRef<[&'static str]>>(
    table: &'a [(&'static str, V)],
) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    table.iter().flat_map(|(key, values)| values.as_ref().iter().map(|value| (*key, *value)))
}

#[test]
fn what_is_right_is_taken_and_what_is_wrong_refused_but_for_what_no_pattern_says() {
    let schema = Schema::read();
    let looser: Vec<_> = pairs(LOOSER).collect();
    for (key, text) in pairs(GOOD).chain(pairs(BAD)) {
        let expected = check(key, text).is_ok() || looser.contains(&(key, text));
        assert_eq!(schema.takes(key, &text.into()), expected, "{key}: {text}");
        for value in written(text).filter(Value::is_number) {
            assert_eq!(schema.takes(key, &value), check(key, text).is_ok(), "{key}: the number {text}");
        }
    }
    for (key, text) in looser {
        assert!(check(key, text).is_err(), "{key}: {text} is right");
    }
}

/// What a value may become by a slip of the hand, and what a value of another kind has in it.
const CHARACTERS: &[char] = &[
    'a', 'B', '0', '9', '-', '.', ',', '/', ':', '@', '=', '+', '_', '%', ' ', '\t', '\u{a0}', 'ü', 'i', 'm',
    '[', ']', '*', '\n',
];

proptest! {
    #[test]
    fn nothing_that_a_pod_could_have_is_refused(
        (key, values) in select(GOOD.to_vec()),
        which in any::<Index>(),
        edits in vec((any::<Index>(), select(CHARACTERS), any::<bool>()), 0..4),
    ) {
        let mut text: Vec<char> = values[which.index(values.len())].chars().collect();
        for (place, character, replaces) in edits {
            let place = place.index(text.len() + 1);
            if replaces && place < text.len() {
                text.remove(place);
            }
            text.insert(place, character);
        }
        let text: String = text.into_iter().collect();
        if check(key, &text).is_ok() {
            for value in written(&text) {
                prop_assert!(Schema::read().takes(key, &value), "{key}: {value}");
            }
        }
    }
}
