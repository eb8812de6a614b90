//! Trust policy statements for IAM roles.

use rolebridge_core::aws::RoleArn;

use crate::output::quote::json;

/// The IAM action that a service account's token is used for.
pub(crate) const ASSUME_ROLE_ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// Returns the ARN prefix of the OIDC providers in a role's account; the issuer follows it.
pub(crate) fn oidc_provider_prefix<S: AsRef<str>>(role: &RoleArn<S>) -> String {
    format!("arn:{}:iam::{}:oidc-provider/", role.partition().as_str(), role.account())
}

/// Returns the trust policy statement that allows a service account to assume a role.
///
/// `issuer` is the cluster's issuer without `https://`.
pub(crate) fn trust_statement<S: AsRef<str>>(
    role: &RoleArn<S>,
    issuer: &str,
    audience: &str,
    subject: &str,
) -> String {
    let provider = json(&format!("{}{issuer}", oidc_provider_prefix(role)));
    let (audience_key, subject_key) = (json(&format!("{issuer}:aud")), json(&format!("{issuer}:sub")));
    let (audience, subject) = (json(audience), json(subject));
    format!(
        r#"{{
    "Effect": "Allow",
    "Principal": {{"Federated": {provider}}},
    "Action": "{ASSUME_ROLE_ACTION}",
    "Condition": {{"StringEquals": {{
      {audience_key}: {audience},
      {subject_key}: {subject}
    }}}}
  }}"#
    )
}
