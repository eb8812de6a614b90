//! IAM policy documents (trust policies, role policies and session policies) and their evaluation.
//!
//! Source: "IAM JSON policy elements reference". A policy with an element that this fake does not evaluate is an error
//! in the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::condition::Condition;
use super::wildcard::wildcard_match;
use crate::one_or_many::OneOrMany;

/// A policy document.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct PolicyDocument {
    version: String,
    #[serde(default, rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<Statement>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    principal: Option<Principal>,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: Condition,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Principal {
    Anyone(Anyone),
    ByType(BTreeMap<String, OneOrMany<String>>),
}

#[derive(Debug, Clone, Deserialize)]
enum Anyone {
    #[serde(rename = "*")]
    Anyone,
}

/// The properties of a request that a policy can match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestContext<'a> {
    /// The action, such as `sts:AssumeRoleWithWebIdentity`.
    pub(crate) action: &'a str,
    /// The resource's ARN or `*`.
    pub(crate) resource: &'a str,
    /// The caller, for trust policies.
    pub(crate) caller: Option<Caller<'a>>,
    /// Condition keys and their values.
    pub(crate) keys: &'a [(String, &'a [String])],
}

/// A caller that assumes a role.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller<'a> {
    /// An identity of an OIDC provider, by the provider's ARN.
    Federated(&'a str),
    /// A service of AWS, such as `pods.eks.amazonaws.com`.
    Service(&'a str),
}

impl Caller<'_> {
    /// Returns true if a policy's `Principal` contains the caller.
    fn is_named_in(self, principals: &BTreeMap<String, OneOrMany<String>>) -> bool {
        let (kind, name) = match self {
            Self::Federated(provider) => ("Federated", provider),
            Self::Service(service) => ("Service", service),
        };
        principals.get(kind).is_some_and(|names| names.as_slice().iter().any(|listed| listed == name))
    }
}

/// The decision of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    /// No statement applies.
    ImplicitDeny,
    ExplicitDeny,
}

impl PolicyDocument {
    /// Parses a trust policy.
    pub(crate) fn trust(document: &serde_json::Value) -> Result<Self, String> {
        let document = Self::deserialize(document).map_err(|error| error.to_string())?;
        document.check(|statement| {
            if statement.principal.is_none() {
                return Err("a statement of a trust policy must have a Principal".to_owned());
            }
            if statement.resource.is_some() || statement.not_resource.is_some() {
                return Err("a statement of a trust policy must not have a Resource".to_owned());
            }
            Ok(())
        })?;
        Ok(document)
    }

    /// Parses a role's policy or a session policy.
    pub(crate) fn identity(document: &serde_json::Value) -> Result<Self, String> {
        let document = Self::deserialize(document).map_err(|error| error.to_string())?;
        document.check(|statement| {
            if statement.principal.is_some() {
                return Err("a statement of an identity-based policy must not have a Principal".to_owned());
            }
            if statement.resource.is_some() == statement.not_resource.is_some() {
                return Err("a statement must have either a Resource or a NotResource".to_owned());
            }
            Ok(())
        })?;
        Ok(document)
    }

    fn check(&self, check_statement: impl Fn(&Statement) -> Result<(), String>) -> Result<(), String> {
        if !["2012-10-17", "2008-10-17"].contains(&self.version.as_str()) {
            return Err(format!("Version: expected `2012-10-17` or `2008-10-17`, found `{}`", self.version));
        }
        for statement in self.statement.as_slice() {
            if statement.action.is_some() == statement.not_action.is_some() {
                return Err("a statement must have either an Action or a NotAction".to_owned());
            }
            check_statement(statement)?;
        }
        Ok(())
    }

    /// Evaluates the document for a request: a Deny that applies wins.
    pub(crate) fn evaluate(&self, request: &RequestContext<'_>) -> Decision {
        let applicable = self.statement.as_slice().iter().filter(|statement| statement.applies(request));
        applicable.fold(Decision::ImplicitDeny, |decision, statement| match (decision, statement.effect) {
            (Decision::ExplicitDeny, _) | (_, Effect::Deny) => Decision::ExplicitDeny,
            (_, Effect::Allow) => Decision::Allow,
        })
    }
}

impl Statement {
    fn applies(&self, request: &RequestContext<'_>) -> bool {
        let any = |patterns: &OneOrMany<String>, text: &str, ignore_case: bool| {
            patterns.as_slice().iter().any(|pattern| {
                if ignore_case {
                    wildcard_match(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
                } else {
                    wildcard_match(pattern, text)
                }
            })
        };
        let principal = match &self.principal {
            None | Some(Principal::Anyone(_)) => true,
            Some(Principal::ByType(principals)) => {
                request.caller.is_some_and(|caller| caller.is_named_in(principals))
            }
        };
        // Actions are case-insensitive.
        let action = self.action.as_ref().is_none_or(|patterns| any(patterns, request.action, true))
            && self.not_action.as_ref().is_none_or(|patterns| !any(patterns, request.action, true));
        let resource = self.resource.as_ref().is_none_or(|patterns| any(patterns, request.resource, false))
            && self.not_resource.as_ref().is_none_or(|patterns| !any(patterns, request.resource, false));
        principal && action && resource && self.condition.is_met(request.keys)
    }
}
