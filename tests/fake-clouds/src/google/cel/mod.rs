//! The part of the Common Expression Language that attribute mappings and conditions use: literals, `assertion`,
//! `google`, `attribute`, string methods, `+`, comparison, logic, `in` and `? :`. All values are strings.
//!
//! Expressions are checked when the provider is configured, so that evaluation cannot fail. An expression with an
//! unsupported element is an error in the configuration.
//!
//! Source: the CEL language definition; for `extract`, "Attribute reference for IAM Conditions".

mod eval;
mod lexer;
mod parser;
mod types;

pub(crate) use eval::Values;
pub(crate) use parser::field;
pub(crate) use types::{Assertion, Scope};

use self::types::Type;

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Expression(parser::Node);

impl Expression {
    /// Parses an expression of type string.
    pub(crate) fn text(source: &str, scope: Scope<'_>) -> Result<Self, String> {
        Self::with_type(source, scope, Type::Text)
    }

    /// Parses an expression of type bool.
    pub(crate) fn condition(source: &str, scope: Scope<'_>) -> Result<Self, String> {
        Self::with_type(source, scope, Type::Bool)
    }

    fn with_type(source: &str, scope: Scope<'_>, expected: Type) -> Result<Self, String> {
        let node = parser::parse(source)?;
        let found = types::check(&node, scope)?;
        if found != expected {
            return Err(format!("expected an expression of type {expected}, found {found}"));
        }
        Ok(Self(node))
    }

    /// Returns the value of an expression of type string.
    pub(crate) fn to_text(&self, values: &Values) -> String {
        match eval::evaluate(&self.0, values) {
            eval::Value::Text(text) => text,
            // Excluded by the type check.
            eval::Value::Bool(_) | eval::Value::List(_) => String::new(),
        }
    }

    /// Returns the value of an expression of type bool.
    pub(crate) fn is_met(&self, values: &Values) -> bool {
        eval::evaluate(&self.0, values) == eval::Value::Bool(true)
    }
}

#[cfg(test)]
mod tests;
