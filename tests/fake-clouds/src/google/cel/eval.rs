//! Evaluates a checked expression.

use std::collections::BTreeMap;

use super::parser::{Method, Node, Operator};

/// The values of variables by their names, which [`field`](super::field) builds.
pub(crate) type Values = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    List(Vec<Value>),
}

/// Returns the value of an expression. A variable without a value is an empty string.
pub(super) fn evaluate(node: &Node, values: &Values) -> Value {
    match node {
        Node::Text(text) => Value::Text(text.clone()),
        Node::Bool(bool) => Value::Bool(*bool),
        Node::Variable(name) => Value::Text(values.get(name).cloned().unwrap_or_default()),
        Node::List(items) => Value::List(items.iter().map(|item| evaluate(item, values)).collect()),
        Node::Not(inner) => Value::Bool(!is_true(inner, values)),
        Node::Conditional(condition, then, otherwise) => {
            evaluate(if is_true(condition, values) { then } else { otherwise }, values)
        }
        Node::Binary(operator, left, right) => binary(*operator, left, right, values),
        Node::Call(method, target, argument) => {
            let (target, argument) = (text(target, values), text(argument, values));
            match method {
                Method::Contains => Value::Bool(target.contains(&argument)),
                Method::StartsWith => Value::Bool(target.starts_with(&argument)),
                Method::EndsWith => Value::Bool(target.ends_with(&argument)),
                Method::Extract => Value::Text(extract(&target, &argument).unwrap_or_default().to_owned()),
            }
        }
    }
}

fn binary(operator: Operator, left: &Node, right: &Node, values: &Values) -> Value {
    match operator {
        Operator::And => Value::Bool(is_true(left, values) && is_true(right, values)),
        Operator::Or => Value::Bool(is_true(left, values) || is_true(right, values)),
        Operator::Equal => Value::Bool(evaluate(left, values) == evaluate(right, values)),
        Operator::Unequal => Value::Bool(evaluate(left, values) != evaluate(right, values)),
        Operator::Plus => Value::Text(text(left, values) + &text(right, values)),
        Operator::In => {
            let (item, list) = (evaluate(left, values), evaluate(right, values));
            Value::Bool(matches!(list, Value::List(items) if items.contains(&item)))
        }
    }
}

fn is_true(node: &Node, values: &Values) -> bool {
    evaluate(node, values) == Value::Bool(true)
}

fn text(node: &Node, values: &Values) -> String {
    match evaluate(node, values) {
        Value::Text(text) => text,
        Value::Bool(_) | Value::List(_) => String::new(),
    }
}

/// Returns the parts of a template before and after its `{name}`.
pub(super) fn split_template(template: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = template.split_once('{')?;
    let (name, suffix) = rest.split_once('}')?;
    (!name.is_empty() && !suffix.contains(['{', '}'])).then_some((prefix, suffix))
}

/// Returns the part of a text that corresponds to the template's `{name}`: after the first prefix, up to the first
/// suffix after it.
fn extract<'a>(text: &'a str, pattern: &str) -> Option<&'a str> {
    let (prefix, suffix) = split_template(pattern)?;
    let (_, rest) = text.split_once(prefix)?;
    if suffix.is_empty() { Some(rest) } else { rest.split_once(suffix).map(|(part, _)| part) }
}
