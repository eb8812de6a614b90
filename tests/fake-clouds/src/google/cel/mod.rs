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

use std::collections::BTreeMap;

pub(crate) use parser::field;

use self::types::Type;

/// A checked expression.
#[derive(Debug, Clone)]
pub(crate) struct Expression(parser::Node);

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

/// The values of variables by their names, which [`field`] builds.
pub(crate) type Values = BTreeMap<String, String>;

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
