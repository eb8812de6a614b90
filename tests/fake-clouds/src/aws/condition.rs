//! The `Condition` of a policy's statement: the string and numeric operators, with their set and `IfExists` forms.
//!
//! Source: "IAM JSON policy elements: Condition operators" and "Multivalued context keys".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::wildcard::wildcard_match;
use crate::one_or_many::OneOrMany;

/// The operators of a statement, all of which must be met.
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
    comparison: Comparison,
    negated: bool,
    set: SetOperator,
    if_exists: bool,
}

#[derive(Debug, Clone, Copy)]
enum Comparison {
    Equals,
    EqualsIgnoreCase,
    Like,
    /// Compares numbers: the request's value with the policy's.
    Numeric(&'static [Ordering]),
}

const LESS: &[Ordering] = &[Ordering::Less];
const LESS_OR_EQUAL: &[Ordering] = &[Ordering::Less, Ordering::Equal];
const EQUAL: &[Ordering] = &[Ordering::Equal];
const GREATER_OR_EQUAL: &[Ordering] = &[Ordering::Greater, Ordering::Equal];
const GREATER: &[Ordering] = &[Ordering::Greater];

#[derive(Debug, Clone, Copy)]
enum SetOperator {
    None,
    ForAnyValue,
    ForAllValues,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        let (set, rest) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (SetOperator::ForAnyValue, rest),
            Some(("ForAllValues", rest)) => (SetOperator::ForAllValues, rest),
            Some(_) => return None,
            None => (SetOperator::None, name),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let (comparison, negated) = match rest {
            "StringEquals" => (Comparison::Equals, false),
            "StringNotEquals" => (Comparison::Equals, true),
            "StringEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::EqualsIgnoreCase, true),
            "StringLike" => (Comparison::Like, false),
            "StringNotLike" => (Comparison::Like, true),
            "NumericEquals" => (Comparison::Numeric(EQUAL), false),
            "NumericNotEquals" => (Comparison::Numeric(EQUAL), true),
            "NumericLessThan" => (Comparison::Numeric(LESS), false),
            "NumericLessThanEquals" => (Comparison::Numeric(LESS_OR_EQUAL), false),
            "NumericGreaterThan" => (Comparison::Numeric(GREATER), false),
            "NumericGreaterThanEquals" => (Comparison::Numeric(GREATER_OR_EQUAL), false),
            _ => return None,
        };
        Some(Self { comparison, negated, set, if_exists })
    }

    fn matches(self, value: &str, expected: &[String]) -> bool {
        let matches = expected.iter().any(|expected| match self.comparison {
            Comparison::Equals => expected == value,
            Comparison::EqualsIgnoreCase => expected.eq_ignore_ascii_case(value),
            Comparison::Like => wildcard_match(expected, value),
            Comparison::Numeric(orders) => {
                let number = |text: &str| text.parse::<f64>().ok();
                let order = number(value).zip(number(expected)).and_then(|(a, b)| a.partial_cmp(&b));
                order.is_some_and(|order| orders.contains(&order))
            }
        });
        matches != self.negated
    }
}

impl Clause {
    fn is_met(&self, keys: &[(String, &[String])]) -> bool {
        let present = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let values = present.map_or(&[][..], |(_, values)| *values);
        let mut values = values.iter();
        let matches = |value: &String| self.operator.matches(value, &self.values);
        match (present, self.operator.set) {
            (None, SetOperator::ForAllValues) => true,
            // An absent key differs from every value.
            (None, _) => self.operator.if_exists || self.operator.negated,
            (Some(_), SetOperator::ForAllValues) => values.all(matches),
            (Some(_), SetOperator::None | SetOperator::ForAnyValue) => values.any(matches),
        }
    }
}

impl Condition {
    /// Returns true if the keys of a request meet every operator.
    pub(crate) fn is_met(&self, keys: &[(String, &[String])]) -> bool {
        self.0.iter().all(|clause| clause.is_met(keys))
    }
}

/// A value in a condition: numbers may be unquoted.
#[derive(Deserialize)]
#[serde(untagged)]
enum ConditionValue {
    Text(String),
    Number(serde_json::Number),
}

impl ConditionValue {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let conditions =
            BTreeMap::<String, BTreeMap<String, OneOrMany<ConditionValue>>>::deserialize(deserializer)?;
        let mut clauses = Vec::new();
        for (name, keys) in conditions {
            let operator = Operator::parse(&name)
                .ok_or_else(|| D::Error::custom(format_args!("unsupported condition operator `{name}`")))?;
            for (key, values) in keys {
                clauses.push(Clause {
                    operator,
                    key,
                    values: values.as_slice().iter().map(ConditionValue::to_text).collect(),
                });
            }
        }
        Ok(Self(clauses))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({"StringEquals": {"issuer:aud": "sts.amazonaws.com"}}), true)]
    #[case(json!({"StringEquals": {"Issuer:AUD": ["x", "sts.amazonaws.com"]}}), true)]
    #[case(json!({"StringEquals": {"issuer:aud": "STS.amazonaws.com"}}), false)]
    #[case(json!({"StringEqualsIgnoreCase": {"issuer:aud": "STS.amazonaws.com"}}), true)]
    #[case(json!({"StringLike": {"issuer:aud": "sts.*"}}), true)]
    #[case(json!({"StringEquals": {"issuer:aud": "sts.*"}}), false)]
    #[case(json!({"StringNotLike": {"issuer:aud": "sts.*"}}), false)]
    #[case(json!({"StringNotEquals": {"issuer:sub": "x"}}), true)]
    #[case(json!({"StringEquals": {"issuer:sub": "x"}}), false)]
    #[case(json!({"StringEqualsIfExists": {"issuer:sub": "x"}}), true)]
    #[case(json!({"ForAnyValue:StringEquals": {"issuer:groups": ["b", "c"]}}), true)]
    #[case(json!({"ForAllValues:StringEquals": {"issuer:groups": ["b", "c"]}}), false)]
    #[case(json!({"ForAllValues:StringLike": {"issuer:absent": "x"}}), true)]
    #[case(json!({"NumericEquals": {"seconds": "300.0"}}), true)]
    #[case(json!({"NumericNotEquals": {"seconds": 300}}), false)]
    #[case(json!({"NumericLessThan": {"seconds": 300}}), false)]
    #[case(json!({"NumericLessThanEquals": {"seconds": 300}}), true)]
    #[case(json!({"NumericGreaterThan": {"seconds": [300, "40"]}}), true)]
    #[case(json!({"NumericGreaterThanEquals": {"seconds": 301}}), false)]
    #[case(json!({"NumericEquals": {"issuer:aud": "sts.amazonaws.com"}}), false)]
    #[case(json!({"StringEquals": {"issuer:aud": "sts.amazonaws.com"}, "StringLike": {"issuer:aud": "x"}}), false)]
    fn condition_operators_compare_values(#[case] condition: Value, #[case] is_met: bool) {
        let one = ["sts.amazonaws.com".to_owned()];
        let two = ["a".to_owned(), "b".to_owned()];
        let number = ["300".to_owned()];
        let keys = [
            ("issuer:aud".to_owned(), &one[..]),
            ("issuer:groups".to_owned(), &two[..]),
            ("seconds".to_owned(), &number[..]),
        ];
        let parsed: Condition = serde_json::from_value(condition.clone()).unwrap();
        assert_eq!(parsed.is_met(&keys), is_met, "{condition}");
    }

    #[test]
    fn unsupported_operator_is_rejected() {
        let error = serde_json::from_value::<Condition>(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
        assert_eq!(error.unwrap_err().to_string(), "unsupported condition operator `IpAddress`");
    }
}
