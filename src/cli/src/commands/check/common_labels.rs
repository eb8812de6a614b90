//! Decides whether label selectors can match the same object.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// A label of an example that all selectors match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExampleValue<'a> {
    /// This value.
    Exactly(&'a str),
    /// Any value that no selector denies.
    Any,
}

/// Returns the fewest labels that all selectors match, or `None` if no labels can match all of them.
pub(crate) fn common_labels<'a>(
    selectors: impl IntoIterator<Item = &'a LabelSelector>,
) -> Option<BTreeMap<&'a str, ExampleValue<'a>>> {
    let mut constraints: BTreeMap<&str, Constraint<'_>> = BTreeMap::new();
    for selector in selectors {
        for (key, value) in selector.match_labels.iter().flatten() {
            constraints.entry(key).or_default().require([&**value]);
        }
        for expression in selector.match_expressions.iter().flatten() {
            let values = expression.values.iter().flatten().map(String::as_str);
            let constraint = constraints.entry(&*expression.key).or_default();
            match &*expression.operator {
                "In" => constraint.require(values),
                "NotIn" => constraint.denied.extend(values),
                "Exists" => constraint.is_required = true,
                "DoesNotExist" => constraint.is_forbidden = true,
                _ => {}
            }
        }
    }
    let mut labels = BTreeMap::new();
    for (key, constraint) in &constraints {
        match constraint.example() {
            Example::Absent => {}
            Example::Label(value) => _ = labels.insert(*key, value),
            Example::Impossible => return None,
        }
    }
    Some(labels)
}

/// The label that an object needs to satisfy a constraint.
enum Example<'a> {
    /// No label.
    Absent,
    /// A label.
    Label(ExampleValue<'a>),
    /// No object satisfies it.
    Impossible,
}

/// The demands of selectors on a label.
#[derive(Debug, Default)]
struct Constraint<'a> {
    is_required: bool,
    is_forbidden: bool,
    allowed: Option<BTreeSet<&'a str>>,
    denied: BTreeSet<&'a str>,
}

impl<'a> Constraint<'a> {
    /// Requires one of the values.
    fn require(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let values: BTreeSet<_> = values.into_iter().collect();
        self.is_required = true;
        self.allowed = Some(match &self.allowed {
            Some(allowed) => allowed & &values,
            None => values,
        });
    }

    /// Returns the simplest object that satisfies the constraint.
    fn example(&self) -> Example<'a> {
        match &self.allowed {
            _ if !self.is_required => Example::Absent,
            _ if self.is_forbidden => Example::Impossible,
            None => Example::Label(ExampleValue::Any),
            Some(allowed) => {
                let value = allowed.difference(&self.denied).next();
                value.map_or(Example::Impossible, |value| Example::Label(ExampleValue::Exactly(value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    #[rstest]
    #[case::empty(json!({}), json!({}), Some(""))]
    #[case::one_value(json!({"matchLabels": {"a": "x"}}), json!({}), Some("a=x"))]
    #[case::two_values(json!({"matchLabels": {"a": "x"}}), json!({"matchLabels": {"a": "y"}}), None)]
    #[case::other_keys(json!({"matchLabels": {"a": "x"}}), json!({"matchLabels": {"b": "y"}}), Some("a=x b=y"))]
    #[case::in_both(json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "In", "values": ["y", "z"]}]}), Some("a=y"))]
    #[case::not_in(json!({"matchLabels": {"a": "x"}}),
        json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}), None)]
    #[case::not_in_others(json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["y"]}]}), Some(""))]
    #[case::exists(json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}), json!({}), Some("a"))]
    #[case::exists_and_not(json!({"matchExpressions": [{"key": "a", "operator": "Exists"}]}),
        json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}), None)]
    #[case::value_and_not(json!({"matchLabels": {"a": "x"}}),
        json!({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}), None)]
    fn selectors_have_common_labels(
        #[case] first: Value,
        #[case] second: Value,
        #[case] expected: Option<&str>,
    ) {
        let selectors = [first, second].map(|json| serde_json::from_value::<LabelSelector>(json).unwrap());
        let text = |(key, value): (&str, ExampleValue<'_>)| match value {
            ExampleValue::Exactly(value) => format!("{key}={value}"),
            ExampleValue::Any => key.to_owned(),
        };
        let found = common_labels(&selectors);
        let found = found.map(|labels| labels.into_iter().map(text).collect::<Vec<_>>().join(" "));
        assert_eq!(found.as_deref(), expected);
    }
}
