//! Checks whether a role's trust policy allows a service account to assume the role, without a request to AWS.
//!
//! Source: "IAM JSON policy elements", AWS Identity and Access Management user guide.

use std::path::Path;

use rolebridge_core::aws::{RoleArn, TOKEN_AUDIENCE};
use serde_json::Value;

use crate::commands::setup::plan::SetupPlan;
use crate::error::CliError;
use crate::iam::{ASSUME_ROLE_ACTION, oidc_provider_prefix, trust_statement};

/// Returns notes about a trust policy that allows the service account. `path` is for messages.
///
/// # Errors
///
/// Returns an error if the policy does not allow the service account, or if the text is not a policy of this role.
pub(super) fn check(
    path: &Path,
    text: &str,
    role: &RoleArn,
    plan: &SetupPlan,
) -> Result<Vec<String>, CliError> {
    let invalid = |message: String| CliError::Setup(format!("{}: {message}", path.display()));
    let parse = |text: &str| serde_json::from_str(text).map_err(|error| invalid(error.to_string()));
    let json = unquote(parse(text)?, parse)?;
    if let Some(other) = json["Role"]["Arn"].as_str().filter(|arn| *arn != role.as_str()) {
        return Err(invalid(format!(
            "expected the role {role} of --role-arn, found {other}. The ARN includes the path."
        )));
    }
    let document = json["Role"]["AssumeRolePolicyDocument"].clone();
    let policy = if document.is_null() { json } else { unquote(document, parse)? };
    let statements = as_list(&policy["Statement"]);
    let mut problems = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        match evaluate_statement(statement, role, plan) {
            Ok(mut notes) => {
                let issuers = trusted_issuers(statement, role, plan);
                for (index, denial) in statements.iter().enumerate() {
                    match denies(denial, role, &issuers, &plan.kubernetes_subject()) {
                        Some(false) => {}
                        Some(true) => return Err(denied(path, index + 1, plan)),
                        None => notes.push(format!(
                            "The trust policy's statement {}, a Deny, is not checked here.",
                            index + 1
                        )),
                    }
                }
                return Ok(notes);
            }
            Err(problem) => problems.push(format!("statement {}: {problem}", index + 1)),
        }
    }
    if problems.is_empty() {
        problems.push("it has no Statement".to_owned());
    }
    let trusted = statements.iter().flat_map(|statement| issuers(statement, role)).next();
    let issuer = plan.issuer_host().or(trusted).unwrap_or("oidc.eks.REGION.amazonaws.com/id/ID");
    let subject = plan.kubernetes_subject();
    Err(CliError::TrustPolicyRejects(format!(
        "{}: the role does not trust {subject}: {}. Fix: add this statement to the policy:\n  {}",
        path.display(),
        problems.join("; "),
        trust_statement(role, issuer, TOKEN_AUDIENCE, &subject)
    )))
}

/// Returns the policy in a JSON string, as `terraform state` and `terraform output -json` print it.
fn unquote(json: Value, parse: impl Fn(&str) -> Result<Value, CliError>) -> Result<Value, CliError> {
    match json {
        Value::String(text) => parse(&text),
        json => Ok(json),
    }
}

fn denied(path: &Path, statement: usize, plan: &SetupPlan) -> CliError {
    CliError::TrustPolicyRejects(format!(
        "{}: the role does not trust {}: statement {statement} denies it. Fix: remove that statement, or exempt the \
         service account in its Condition.",
        path.display(),
        plan.kubernetes_subject()
    ))
}

/// Returns whether a statement denies the service account; `None` if that cannot be evaluated.
fn denies(statement: &Value, role: &RoleArn, issuers: &[&str], subject: &str) -> Option<bool> {
    if statement["Effect"] != "Deny" {
        return Some(false);
    }
    let action = ASSUME_ROLE_ACTION.to_lowercase();
    let matches = |field: &str| {
        strings(&statement[field]).any(|pattern| wildcard_match(&pattern.to_lowercase(), &action))
    };
    let has_action = if statement["NotAction"].is_null() { matches("Action") } else { !matches("NotAction") };
    if !has_action {
        return Some(false);
    }
    if !statement["NotPrincipal"].is_null() {
        return None;
    }
    let principal = &statement["Principal"];
    let everyone = [principal, &principal["AWS"], &principal["Federated"]];
    let is_everyone = everyone.into_iter().any(|names| strings(names).any(|name| name == "*"));
    let is_trusted = |issuer: &str| issuers.contains(&issuer);
    if !is_everyone && !self::issuers(statement, role).into_iter().any(is_trusted) {
        return Some(false);
    }
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    let conditions = conditions.flat_map(|(operator, conditions)| {
        conditions.as_object().into_iter().flatten().map(move |(key, expected)| (operator, key, expected))
    });
    let results: Vec<_> = conditions
        .map(|(operator, key, expected)| evaluate_claim(operator, key, expected, issuers, subject))
        .collect();
    // All conditions must be met.
    if results.contains(&Some(false)) {
        return Some(false);
    }
    results.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
}

/// Evaluates a condition on a claim of the service account's token. Returns `None` if that is not possible.
fn evaluate_claim(
    operator: &str,
    key: &str,
    expected: &Value,
    issuers: &[&str],
    subject: &str,
) -> Option<bool> {
    let (issuer, claim) = key.rsplit_once(':')?;
    let actual = match claim {
        "sub" => subject,
        "aud" => TOKEN_AUDIENCE,
        _ => return None,
    };
    let is_own_claim = issuers.iter().any(|known| known.eq_ignore_ascii_case(issuer));
    evaluate_condition(operator, expected, is_own_claim.then_some(actual))
}

/// Returns the issuers that a statement trusts, and that may be the cluster's.
fn trusted_issuers<'a>(statement: &'a Value, role: &RoleArn, plan: &SetupPlan) -> Vec<&'a str> {
    let mut issuers = issuers(statement, role);
    issuers.retain(|issuer| plan.issuer_host().is_none_or(|expected| expected == *issuer));
    issuers
}

/// Returns the issuers that a statement trusts.
fn issuers<'a>(statement: &'a Value, role: &RoleArn) -> Vec<&'a str> {
    let prefix = oidc_provider_prefix(role);
    let federated = strings(&statement["Principal"]["Federated"]);
    federated.filter_map(|arn| arn.strip_prefix(prefix.as_str())).collect()
}

/// Returns notes about a statement that allows the service account, or the reason why it does not.
fn evaluate_statement(statement: &Value, role: &RoleArn, plan: &SetupPlan) -> Result<Vec<String>, String> {
    if statement["Effect"] != "Allow" {
        return Err("its Effect is not Allow".to_owned());
    }
    let allowed_action = ASSUME_ROLE_ACTION.to_lowercase();
    if !strings(&statement["Action"]).any(|action| wildcard_match(&action.to_lowercase(), &allowed_action)) {
        return Err(format!("it does not allow {ASSUME_ROLE_ACTION}"));
    }
    let issuers = trusted_issuers(statement, role, plan);
    if issuers.is_empty() {
        let (prefix, issuer) = (oidc_provider_prefix(role), plan.issuer_host().unwrap_or("…"));
        return Err(format!(
            "its principal is not the cluster's OIDC provider in the role's account, {prefix}{issuer}"
        ));
    }
    let mut notes = Vec::new();
    let mut has_subject = false;
    for (operator, conditions) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, expected) in conditions.as_object().into_iter().flatten() {
            has_subject |= key.ends_with(":sub");
            notes.extend(check_condition(operator, key, expected, &issuers, &plan.kubernetes_subject())?);
        }
    }
    if !has_subject {
        let note = "The trust policy has no condition on :sub, so every service account of the cluster can assume the role.";
        notes.push(note.to_owned());
    }
    Ok(notes)
}

/// Returns a note if a condition cannot be evaluated, or the reason why it is not met.
fn check_condition(
    operator: &str,
    key: &str,
    expected: &Value,
    issuers: &[&str],
    subject: &str,
) -> Result<Option<String>, String> {
    let (issuer, actual) = match key.rsplit_once(':') {
        Some((issuer, "sub")) => (issuer, subject),
        Some((issuer, "aud")) => (issuer, TOKEN_AUDIENCE),
        _ => return Ok(Some(format!("The trust policy's condition on {key} is not checked here."))),
    };
    // A token only has the claims of its own issuer.
    let is_own_claim = issuers.iter().any(|known| known.eq_ignore_ascii_case(issuer));
    match evaluate_condition(operator, expected, is_own_claim.then_some(actual)) {
        Some(true) => Ok(None),
        Some(false) if is_own_claim => {
            Err(format!("its condition {operator} on {key}: expected {expected}, found {actual:?}"))
        }
        Some(false) => Err(format!(
            "its condition {operator} is on {key}, but its principal's tokens are issued by {}",
            issuers.join(" and ")
        )),
        None => Ok(Some(format!("The trust policy's {operator} on {key} is not checked here."))),
    }
}

/// Evaluates a condition on a token's claim, which may be missing. Returns `None` for an unsupported operator.
fn evaluate_condition(operator: &str, expected: &Value, actual: Option<&str>) -> Option<bool> {
    let operator = operator.rsplit_once(':').map_or(operator, |(_, operator)| operator);
    let if_exists = operator.strip_suffix("IfExists");
    let (is_negated, matches): (bool, fn(&str, &str) -> bool) = match if_exists.unwrap_or(operator) {
        "StringEquals" => (false, |expected, actual| expected == actual),
        "StringEqualsIgnoreCase" => (false, str::eq_ignore_ascii_case),
        "StringLike" => (false, wildcard_match),
        "StringNotEquals" => (true, |expected, actual| expected == actual),
        "StringNotLike" => (true, wildcard_match),
        _ => return None,
    };
    let Some(actual) = actual else { return Some(is_negated || if_exists.is_some()) };
    Some(strings(expected).any(|expected| matches(expected, actual)) != is_negated)
}

/// Matches IAM wildcards: `*` for any run of characters, `?` for one.
fn wildcard_match(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            let mut ends = text.char_indices().map(|(index, _)| index).chain([text.len()]);
            ends.any(|index| wildcard_match(rest, &text[index..]))
        }
        Some(expected) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|found| expected == '?' || expected == found)
                && wildcard_match(pattern_chars.as_str(), chars.as_str())
        }
    }
}

/// Returns a value's items: in IAM a single value is equivalent to a list of one.
fn as_list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        single => std::slice::from_ref(single),
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    as_list(value).iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("a", "a", true)]
    #[case("a", "b", false)]
    #[case("*", "", true)]
    #[case("system:serviceaccount:shop:*", "system:serviceaccount:shop:batch", true)]
    #[case("system:serviceaccount:*:batch", "system:serviceaccount:shop:other", false)]
    #[case("b?tch", "batch", true)]
    #[case("b?tch", "btch", false)]
    fn wildcard_match_follows_iam(#[case] pattern: &str, #[case] text: &str, #[case] matches: bool) {
        assert_eq!(wildcard_match(pattern, text), matches);
    }

    #[rstest]
    #[case("StringEquals", json!("x"), Some(true), Some(false))]
    #[case("StringEquals", json!(["y", "x"]), Some(true), Some(false))]
    #[case("ForAnyValue:StringLike", json!("?"), Some(true), Some(false))]
    #[case("StringEqualsIgnoreCase", json!("X"), Some(true), Some(false))]
    #[case("StringEqualsIfExists", json!("y"), Some(false), Some(true))]
    #[case("StringNotEquals", json!("x"), Some(false), Some(true))]
    #[case("StringNotLike", json!("y*"), Some(true), Some(true))]
    #[case("DateLessThan", json!("x"), None, None)]
    fn evaluate_condition_follows_iam(
        #[case] operator: &str,
        #[case] expected: serde_json::Value,
        #[case] with_claim_x: Option<bool>,
        #[case] without_claim: Option<bool>,
    ) {
        assert_eq!(evaluate_condition(operator, &expected, Some("x")), with_claim_x);
        assert_eq!(evaluate_condition(operator, &expected, None), without_claim);
    }
}
