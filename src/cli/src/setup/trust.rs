//! Whether a role's trust policy admits a service account, as far as a file can tell.
//!
//! Source: "IAM JSON policy elements", AWS Identity and Access Management user guide.

use std::path::Path;

use rolebridge_contract::aws::TOKEN_AUDIENCE;
use serde_json::Value;

use super::{Plan, Role};
use crate::failure::Failure;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// Notes about a policy that admits the service account.
pub(super) fn check(path: &Path, text: &str, role: &Role, plan: &Plan) -> Result<Vec<String>, Failure> {
    let failed = |message: String| Failure::Setup(format!("{}: {message}", path.display()));
    let json: Value = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
    let wrapped = &json["Role"]["AssumeRolePolicyDocument"];
    let policy = if wrapped.is_null() { &json } else { wrapped };
    let subject = format!("system:serviceaccount:{}:{}", plan.namespace, plan.service_account);
    let mut reasons = Vec::new();
    for (index, statement) in list(&policy["Statement"]).iter().enumerate() {
        match admits(statement, role, &subject) {
            Ok(mut notes) => {
                if list(&policy["Statement"]).iter().any(|other| other["Effect"] == "Deny") {
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
    Err(failed(format!(
        "the role does not trust {subject}: {}. A statement that allows {ACTION} to the cluster's OIDC provider under the \
         condition that its :sub is {subject:?} and its :aud {TOKEN_AUDIENCE:?} would be right; the commands have it.",
        reasons.join("; ")
    )))
}

/// Whether a statement lets the service account in, with what could not be told; else what stands against it.
fn admits(statement: &Value, role: &Role, subject: &str) -> Result<Vec<String>, String> {
    if statement["Effect"] != "Allow" {
        return Err("it denies".to_owned());
    }
    if !texts(&statement["Action"]).any(|action| like(&action.to_lowercase(), &ACTION.to_lowercase())) {
        return Err(format!("it does not allow {ACTION}"));
    }
    let provider = format!("arn:{}:iam::{}:oidc-provider/", role.partition, role.account);
    let federated: Vec<_> = texts(&statement["Principal"]["Federated"]).collect();
    if !federated.iter().any(|arn| arn.starts_with(&provider)) {
        return Err(format!("its principal is no OIDC provider of the role's account, {provider}…"));
    }
    let mut notes = Vec::new();
    let mut names_a_subject = false;
    for (operator, conditions) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, wanted) in conditions.as_object().into_iter().flatten() {
            let actual = match key.rsplit_once(':').map(|(_, claim)| claim) {
                Some("sub") => subject,
                Some("aud") => TOKEN_AUDIENCE,
                _ => {
                    notes.push(format!("The trust policy's condition on {key} cannot be checked here."));
                    continue;
                }
            };
            names_a_subject |= key.ends_with(":sub");
            match holds(operator, wanted, actual) {
                Some(true) => {}
                Some(false) => {
                    return Err(format!(
                        "its condition {operator} wants {wanted} of {key}, which is {actual:?}"
                    ));
                }
                None => notes.push(format!("The trust policy's {operator} on {key} cannot be checked here.")),
            }
        }
    }
    if !names_a_subject {
        let note = "The trust policy names no :sub: every service account of the cluster may have the role.";
        notes.push(note.to_owned());
    }
    Ok(notes)
}

/// Whether a condition holds; `None`: not an operator that is known here.
fn holds(operator: &str, wanted: &Value, actual: &str) -> Option<bool> {
    let operator = operator.rsplit_once(':').map_or(operator, |(_, operator)| operator);
    let mut wanted = texts(wanted);
    Some(match operator.strip_suffix("IfExists").unwrap_or(operator) {
        "StringEquals" => wanted.any(|wanted| wanted == actual),
        "StringEqualsIgnoreCase" => wanted.any(|wanted| wanted.eq_ignore_ascii_case(actual)),
        "StringLike" => wanted.any(|wanted| like(wanted, actual)),
        "StringNotEquals" => wanted.all(|wanted| wanted != actual),
        "StringNotLike" => wanted.all(|wanted| !like(wanted, actual)),
        _ => return None,
    })
}

/// IAM's wildcards: `*` for any run of characters, `?` for one.
fn like(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str();
            let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.any(|at| like(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut chars = text.chars();
            chars.next().is_some_and(|found| wanted == '?' || wanted == found)
                && like(pattern_chars.as_str(), chars.as_str())
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
            assert_eq!(like(pattern, text), is_like, "{pattern} {text}");
        }
    }

    #[test]
    fn conditions() {
        for (operator, wanted, holds_it) in [
            ("StringEquals", json!("x"), Some(true)),
            ("StringEquals", json!(["y", "x"]), Some(true)),
            ("ForAnyValue:StringLike", json!("?"), Some(true)),
            ("StringEqualsIfExists", json!("y"), Some(false)),
            ("StringNotEquals", json!("x"), Some(false)),
            ("StringNotLike", json!("y*"), Some(true)),
            ("DateLessThan", json!("x"), None),
        ] {
            assert_eq!(holds(operator, &wanted, "x"), holds_it, "{operator} {wanted}");
        }
    }
}
