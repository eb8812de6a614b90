//! The part of the Common Expression Language that attribute mappings and conditions are written in: literals,
//! `assertion`, `google`, `attribute`, string methods, `+`, comparison, logic, `in` and `? :`. All values are texts.
//!
//! An expression is checked when the provider is configured, so that evaluating it cannot fail. What is not known here
//! is refused there.
//!
//! Source: the CEL language definition; for `extract`, "Attribute reference for IAM Conditions".

mod eval;
mod lexer;
mod parser;
mod types;

use std::collections::BTreeMap;

pub(crate) use parser::field;

use self::types::Type;

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Expression(parser::Node);

/// The fields of `assertion`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assertion {
    /// What AWS says about a caller.
    Aws,
    /// The claims of a JSON web token: any.
    Claims,
}

/// What an expression may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) assertion: Assertion,
    /// The mapped attributes, by NAME, and `google.subject` with them: in conditions alone.
    pub(crate) attributes: Option<&'a [&'a str]>,
}

/// The values of variables by their names, which [`field`] puts together.
pub(crate) type Values = BTreeMap<String, String>;

impl Expression {
    /// Reads an expression that gives text.
    pub(crate) fn text(source: &str, scope: Scope<'_>) -> Result<Self, String> {
        Self::with_type(source, scope, Type::Text)
    }

    /// Reads an expression that gives true or false.
    pub(crate) fn condition(source: &str, scope: Scope<'_>) -> Result<Self, String> {
        Self::with_type(source, scope, Type::Bool)
    }

    fn with_type(source: &str, scope: Scope<'_>, expected: Type) -> Result<Self, String> {
        let node = parser::parse(source)?;
        let found = types::check(&node, scope)?;
        if found != expected {
            return Err(format!("it gives {found}, where {expected} is expected"));
        }
        Ok(Self(node))
    }

    /// The text that it gives.
    pub(crate) fn to_text(&self, values: &Values) -> String {
        match eval::evaluate(&self.0, values) {
            eval::Value::Text(text) => text,
            // The check leaves no other.
            eval::Value::Bool(_) | eval::Value::List(_) => String::new(),
        }
    }

    /// Whether it holds.
    pub(crate) fn is_met(&self, values: &Values) -> bool {
        eval::evaluate(&self.0, values) == eval::Value::Bool(true)
    }
}

#[cfg(test)]
mod tests;
