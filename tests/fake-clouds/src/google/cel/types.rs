//! Checks the names and types of an expression before its use.

use std::fmt;

use super::parser::{Method, Node, Operator};

/// The type of `assertion`, which determines its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assertion {
    /// The caller as AWS identifies it.
    Aws,
    /// The claims of a JSON web token, of any name.
    Claims,
}

/// The variables that an expression may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) assertion: Assertion,
    /// The mapped attributes, by NAME. If present, `google.subject` is a variable too: only conditions have both.
    pub(crate) attributes: Option<&'a [&'a str]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Bool,
    /// A list of strings.
    List,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "string",
            Self::Bool => "bool",
            Self::List => "list",
        })
    }
}

impl Assertion {
    fn has_variable(self, variable: &str) -> bool {
        match self {
            Self::Aws => AWS_VARIABLES.contains(&variable),
            Self::Claims => variable.starts_with("assertion.") || variable.starts_with("assertion["),
        }
    }

    fn known_variables(self) -> String {
        match self {
            Self::Aws => format!("one of {}", AWS_VARIABLES.join(", ")),
            Self::Claims => "a claim of assertion".to_owned(),
        }
    }
}

/// The fields of `assertion` for a provider of type AWS.
const AWS_VARIABLES: [&str; 3] = ["assertion.arn", "assertion.account", "assertion.userid"];

pub(super) fn check(node: &Node, scope: Scope<'_>) -> Result<Type, String> {
    match node {
        Node::Text(_) => Ok(Type::Text),
        Node::Bool(_) => Ok(Type::Bool),
        Node::Variable(name) => variable(name, scope),
        Node::List(items) => {
            items.iter().try_for_each(|item| expect_type(item, scope, Type::Text))?;
            Ok(Type::List)
        }
        Node::Not(inner) => expect_type(inner, scope, Type::Bool).map(|()| Type::Bool),
        Node::Binary(operator, left, right) => binary(*operator, left, right, scope),
        Node::Conditional(condition, then, otherwise) => {
            expect_type(condition, scope, Type::Bool)?;
            let found = check(then, scope)?;
            expect_type(otherwise, scope, found)?;
            Ok(found)
        }
        Node::Call(method, target, argument) => {
            expect_type(target, scope, Type::Text)?;
            expect_type(argument, scope, Type::Text)?;
            if *method == Method::Extract {
                check_template(argument)?;
                return Ok(Type::Text);
            }
            Ok(Type::Bool)
        }
    }
}

fn expect_type(node: &Node, scope: Scope<'_>, expected: Type) -> Result<(), String> {
    let found = check(node, scope)?;
    if found == expected { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}

fn binary(operator: Operator, left: &Node, right: &Node, scope: Scope<'_>) -> Result<Type, String> {
    let (operands, result) = match operator {
        Operator::And | Operator::Or => ((Type::Bool, Type::Bool), Type::Bool),
        Operator::Plus => ((Type::Text, Type::Text), Type::Text),
        Operator::In => ((Type::Text, Type::List), Type::Bool),
        Operator::Equal | Operator::Unequal => {
            let found = check(left, scope)?;
            ((found, found), Type::Bool)
        }
    };
    expect_type(left, scope, operands.0)?;
    expect_type(right, scope, operands.1)?;
    Ok(result)
}

fn variable(name: &str, scope: Scope<'_>) -> Result<Type, String> {
    if scope.assertion.has_variable(name) {
        return Ok(Type::Text);
    }
    let known = scope.assertion.known_variables();
    let Some(attributes) = scope.attributes else {
        return Err(format!("expected {known}, found `{name}`"));
    };
    let mapped = name.strip_prefix("attribute.").is_some_and(|attribute| attributes.contains(&attribute));
    if mapped || name == "google.subject" {
        return Ok(Type::Text);
    }
    Err(format!("expected {known}, google.subject or a mapped attribute, found `{name}`"))
}

/// Checks that the argument of `extract` is a literal with one `{name}` in it.
fn check_template(argument: &Node) -> Result<(), String> {
    let is_template = matches!(argument, Node::Text(text) if super::eval::split_template(text).is_some());
    if is_template {
        Ok(())
    } else {
        Err("extract: expected a string literal with one {name} in it".to_owned())
    }
}
