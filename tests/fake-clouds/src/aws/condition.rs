//! The `Condition` of a policy's statement: the string and numeric operators, with their set and `IfExists` forms.
//!
//! Source: "IAM JSON policy elements: Condition operators" and "Multivalued context keys".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::policy::{OneOrMany, like};

/// Every operator of a statement: all must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition(Vec<Clause>);

#[derive(Debug, Clone)]
struct Clause {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Operator {
    test: Test,
    negated: bool,
    set: Set,
    if_exists: bool,
}

#[derive(Debug, Clone, Copy)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    /// As numbers, the value found beside the one wanted.
    Compares(&'static [Ordering]),
}

const LESS: &[Ordering] = &[Ordering::Less];
const LESS_OR_EQUAL: &[Ordering] = &[Ordering::Less, Ordering::Equal];
const EQUAL: &[Ordering] = &[Ordering::Equal];
const GREATER_OR_EQUAL: &[Ordering] = &[Ordering::Greater, Ordering::Equal];
const GREATER: &[Ordering] = &[Ordering::Greater];

#[derive(Debug, Clone, Copy)]
enum Set {
    Single,
    Any,
    All,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (set, rest) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(_) => return None,
            None => (Set::Single, name),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let (test, negated) = match rest {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "NumericEquals" => (Test::Compares(EQUAL), false),
            "NumericNotEquals" => (Test::Compares(EQUAL), true),
            "NumericLessThan" => (Test::Compares(LESS), false),
            "NumericLessThanEquals" => (Test::Compares(LESS_OR_EQUAL), false),
            "NumericGreaterThan" => (Test::Compares(GREATER), false),
            "NumericGreaterThanEquals" => (Test::Compares(GREATER_OR_EQUAL), false),
            _ => return None,
        };
        Some(Self { test, negated, set, if_exists })
    }

    fn fits(self, value: &str, wanted: &[String]) -> bool {
        let fits = wanted.iter().any(|wanted| match self.test {
            Test::Equals => wanted == value,
            Test::EqualsIgnoreCase => wanted.eq_ignore_ascii_case(value),
            Test::Like => like(wanted, value),
            Test::Compares(orders) => {
                let number = |text: &str| text.parse::<f64>().ok();
                let order = number(value).zip(number(wanted)).and_then(|(a, b)| a.partial_cmp(&b));
                order.is_some_and(|order| orders.contains(&order))
            }
        });
        fits != self.negated
    }
}

impl Clause {
    fn holds(&self, keys: &[(String, &[String])]) -> bool {
        let present = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let values = present.map_or(&[][..], |(_, values)| *values);
        let mut values = values.iter();
        let fits = |value: &String| self.operator.fits(value, &self.values);
        match (present, self.operator.set) {
            (None, Set::All) => true,
            // A key that is absent differs from every value.
            (None, _) => self.operator.if_exists || self.operator.negated,
            (Some(_), Set::All) => values.all(fits),
            (Some(_), Set::Single | Set::Any) => values.any(fits),
        }
    }
}

impl Condition {
    /// Whether all of it holds, given the keys of a request.
    pub(crate) fn holds(&self, keys: &[(String, &[String])]) -> bool {
        self.0.iter().all(|clause| clause.holds(keys))
    }
}

/// A number may stand without quotes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(serde_json::Number),
}

impl Written {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, BTreeMap<String, OneOrMany<Written>>>::deserialize(deserializer)?;
        let mut clauses = Vec::new();
        for (name, keys) in written {
            let operator = Operator::parse(&name).ok_or_else(|| {
                D::Error::custom(format_args!("the condition operator `{name}` is not known here"))
            })?;
            for (key, values) in keys {
                clauses.push(Clause {
                    operator,
                    key,
                    values: values.as_slice().iter().map(Written::to_text).collect(),
                });
            }
        }
        Ok(Self(clauses))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators() {
        let one = ["sts.amazonaws.com".to_owned()];
        let two = ["a".to_owned(), "b".to_owned()];
        let number = ["300".to_owned()];
        let keys = [
            ("issuer:aud".to_owned(), &one[..]),
            ("issuer:groups".to_owned(), &two[..]),
            ("seconds".to_owned(), &number[..]),
        ];
        for (condition, holds) in [
            (json!({}), true),
            (json!({"StringEquals": {"issuer:aud": "sts.amazonaws.com"}}), true),
            (json!({"StringEquals": {"Issuer:AUD": ["x", "sts.amazonaws.com"]}}), true),
            (json!({"StringEquals": {"issuer:aud": "STS.amazonaws.com"}}), false),
            (json!({"StringEqualsIgnoreCase": {"issuer:aud": "STS.amazonaws.com"}}), true),
            (json!({"StringLike": {"issuer:aud": "sts.*"}}), true),
            (json!({"StringEquals": {"issuer:aud": "sts.*"}}), false),
            (json!({"StringNotLike": {"issuer:aud": "sts.*"}}), false),
            (json!({"StringNotEquals": {"issuer:sub": "x"}}), true),
            (json!({"StringEquals": {"issuer:sub": "x"}}), false),
            (json!({"StringEqualsIfExists": {"issuer:sub": "x"}}), true),
            (json!({"ForAnyValue:StringEquals": {"issuer:groups": ["b", "c"]}}), true),
            (json!({"ForAllValues:StringEquals": {"issuer:groups": ["b", "c"]}}), false),
            (json!({"ForAllValues:StringLike": {"issuer:absent": "x"}}), true),
            (json!({"NumericEquals": {"seconds": "300.0"}}), true),
            (json!({"NumericNotEquals": {"seconds": 300}}), false),
            (json!({"NumericLessThan": {"seconds": 300}}), false),
            (json!({"NumericLessThanEquals": {"seconds": 300}}), true),
            (json!({"NumericGreaterThan": {"seconds": [300, "40"]}}), true),
            (json!({"NumericGreaterThanEquals": {"seconds": 301}}), false),
            (json!({"NumericEquals": {"issuer:aud": "sts.amazonaws.com"}}), false),
            (
                json!({"StringEquals": {"issuer:aud": "sts.amazonaws.com"}, "StringLike": {"issuer:aud": "x"}}),
                false,
            ),
        ] {
            let parsed: Condition = serde_json::from_value(condition.clone()).unwrap();
            assert_eq!(parsed.holds(&keys), holds, "{condition}");
        }
    }

    #[test]
    fn what_is_not_evaluated_is_refused() {
        let error = serde_json::from_value::<Condition>(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
        assert_eq!(error.unwrap_err().to_string(), "the condition operator `IpAddress` is not known here");
    }
}
