//! Whether a role's trust policy admits a service account, as far as a file can tell.
//!
//! Source: "IAM JSON policy elements", AWS Identity and Access Management user guide.

use std::path::Path;

use rolebridge_core::aws::TOKEN_AUDIENCE;
use serde_json::Value;

use super::{Plan, Role};
use crate::error::CliError;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The statement that lets the service account have the role. `issuer` is the cluster's without `https://`.
pub(crate) fn statement(role: &Role, issuer: &str, audience: &str, subject: &str) -> String {
    format!(
        r#"{{
    "Effect": "Allow",
    "Principal": {{"Federated": "{}{issuer}"}},
    "Action": "{ACTION}",
    "Condition": {{"StringEquals": {{
      "{issuer}:aud": "{audience}",
      "{issuer}:sub": "{subject}"
    }}}}
  }}"#,
        provider(role)
    )
}

/// Notes about a policy that admits the service account.
pub(super) fn check(path: &Path, text: &str, role: &Role, plan: &Plan) -> Result<Vec<String>, CliError> {
    let failed = |message: String| CliError::Setup(format!("{}: {message}", path.display()));
    let json: Value = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
    if let Some(other) = json["Role"]["Arn"].as_str().filter(|arn| *arn != role.arn) {
        let arn = &role.arn;
        return Err(failed(format!(
            "it is the role {other}; --role-arn says {arn}. A path belongs to the ARN."
        )));
    }
    let wrapped = &json["Role"]["AssumeRolePolicyDocument"];
    let policy = if wrapped.is_null() { &json } else { wrapped };
    let statements = list(&policy["Statement"]);
    let mut reasons = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        match evaluate_statement(statement, role, plan) {
            Ok(mut notes) => {
                if statements.iter().any(|other| other["Effect"] == "Deny") {
                    notes.push("The trust policy denies something too; that is not checked here.".to_owned());
                }
                return Ok(notes);
            }
            Err(reason) => reasons.push(format!("statement {}: {reason}", index + 1)),
        }
    }
    if reasons.is_empty() {
        reasons.push("it has no Statement".to_owned());
    }
    let trusted = statements.iter().flat_map(|statement| issuers(statement, role)).next();
    let issuer = plan.issuer_host().or(trusted).unwrap_or("oidc.eks.REGION.amazonaws.com/id/ID");
    Err(CliError::TrustPolicyRejects(format!(
        "{}: the role does not trust {}: {}. This statement beside what is there would be right:\n  {}",
        path.display(),
        plan.subject_of_the_pod(),
        reasons.join("; "),
        statement(role, issuer, TOKEN_AUDIENCE, &plan.subject_of_the_pod())
    )))
}

/// What the ARN of an OIDC provider in the role's account begins with; its issuer follows.
pub(crate) fn provider(role: &Role) -> String {
    format!("arn:{}:iam::{}:oidc-provider/", role.partition, role.account)
}

/// Whose tokens a statement speaks of.
fn issuers<'a>(statement: &'a Value, role: &Role) -> Vec<&'a str> {
    let provider = provider(role);
    let federated = texts(&statement["Principal"]["Federated"]);
    federated.filter_map(|arn| arn.strip_prefix(provider.as_str())).collect()
}

/// Whether a statement lets the service account in, with what could not be args; else what stands against it.
fn evaluate_statement(statement: &Value, role: &Role, plan: &Plan) -> Result<Vec<String>, String> {
    if statement["Effect"] != "Allow" {
        return Err("it denies".to_owned());
    }
    if !texts(&statement["Action"])
        .any(|action| wildcard_match(&action.to_lowercase(), &ACTION.to_lowercase()))
    {
        return Err(format!("it does not allow {ACTION}"));
    }
    let mut issuers = issuers(statement, role);
    issuers.retain(|issuer| plan.issuer_host().is_none_or(|known| known == *issuer));
    if issuers.is_empty() {
        let (provider, issuer) = (provider(role), plan.issuer_host().unwrap_or("…"));
        return Err(format!(
            "its principal is not the cluster's OIDC provider in the role's account, {provider}{issuer}"
        ));
    }
    let mut notes = Vec::new();
    let mut names_a_subject = false;
    for (operator, conditions) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, wanted) in conditions.as_object().into_iter().flatten() {
            names_a_subject |= key.ends_with(":sub");
            notes.extend(condition(operator, key, wanted, &issuers, &plan.subject_of_the_pod())?);
        }
    }
    if !names_a_subject {
        let note = "The trust policy names no :sub: every service account of the cluster may have the role.";
        notes.push(note.to_owned());
    }
    Ok(notes)
}

/// A note if the condition cannot be args; else what stands against it.
fn condition(
    operator: &str,
    key: &str,
    wanted: &Value,
    issuers: &[&str],
    subject: &str,
) -> Result<Option<String>, String> {
    let (issuer, actual) = match key.rsplit_once(':') {
        Some((issuer, "sub")) => (issuer, subject),
        Some((issuer, "aud")) => (issuer, TOKEN_AUDIENCE),
        _ => return Ok(Some(format!("The trust policy's condition on {key} cannot be checked here."))),
    };
    // A token has the claims of its own issuer alone.
    let is_of_the_token = issuers.iter().any(|known| known.eq_ignore_ascii_case(issuer));
    match evaluate_condition(operator, wanted, is_of_the_token.then_some(actual)) {
        Some(true) => Ok(None),
        Some(false) if is_of_the_token => {
            Err(format!("its condition {operator} wants {wanted} of {key}, which is {actual:?}"))
        }
        Some(false) => Err(format!(
            "its condition {operator} is on {key}, but its principal's tokens are of {}",
            issuers.join(" and ")
        )),
        None => Ok(Some(format!("The trust policy's {operator} on {key} cannot be checked here."))),
    }
}

/// Whether a condition holds of what the token says, if it says it; `None`: not an operator that is known here.
fn evaluate_condition(operator: &str, wanted: &Value, actual: Option<&str>) -> Option<bool> {
    let operator = operator.rsplit_once(':').map_or(operator, |(_, operator)| operator);
    let if_exists = operator.strip_suffix("IfExists");
    let (is_negated, matches): (bool, fn(&str, &str) -> bool) = match if_exists.unwrap_or(operator) {
        "StringEquals" => (false, |wanted, actual| wanted == actual),
        "StringEqualsIgnoreCase" => (false, str::eq_ignore_ascii_case),
        "StringLike" => (false, wildcard_match),
        "StringNotEquals" => (true, |wanted, actual| wanted == actual),
        "StringNotLike" => (true, wildcard_match),
        _ => return None,
    };
    let Some(actual) = actual else { return Some(is_negated || if_exists.is_some()) };
    Some(texts(wanted).any(|wanted| matches(wanted, actual)) != is_negated)
}

/// IAM's wildcards: `*` for any run of characters, `?` for one.
fn wildcard_match(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| wildcard_match(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|found| wanted == '?' || wanted == found)
                && wildcard_match(pattern_chars.as_str(), chars.as_str())
        }
    }
}

/// IAM writes a list of one as the one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, is_like) in [
            ("a", "a", true),
            ("a", "b", false),
            ("*", "", true),
            ("system:serviceaccount:shop:*", "system:serviceaccount:shop:batch", true),
            ("system:serviceaccount:*:batch", "system:serviceaccount:shop:other", false),
            ("b?tch", "batch", true),
            ("b?tch", "btch", false),
        ] {
            assert_eq!(wildcard_match(pattern, text), is_like, "{pattern} {text}");
        }
    }

    #[test]
    fn conditions() {
        for (operator, wanted, of_x, of_none) in [
            ("StringEquals", json!("x"), Some(true), Some(false)),
            ("StringEquals", json!(["y", "x"]), Some(true), Some(false)),
            ("ForAnyValue:StringLike", json!("?"), Some(true), Some(false)),
            ("StringEqualsIgnoreCase", json!("X"), Some(true), Some(false)),
            ("StringEqualsIfExists", json!("y"), Some(false), Some(true)),
            ("StringNotEquals", json!("x"), Some(false), Some(true)),
            ("StringNotLike", json!("y*"), Some(true), Some(true)),
            ("DateLessThan", json!("x"), None, None),
        ] {
            assert_eq!(evaluate_condition(operator, &wanted, Some("x")), of_x, "{operator} {wanted}");
            assert_eq!(
                evaluate_condition(operator, &wanted, None),
                of_none,
                "{operator} {wanted} of nothing"
            );
        }
    }
}
