//! Value parsers of `setup`, so that errors name the flag and not the annotation that it becomes.

use rolebridge_core::aws::RoleArn;
use rolebridge_core::google::{POOL_ID, ProviderName, is_pool_id};
use rolebridge_core::parse;
use rolebridge_core::service_accounts::ServiceAccounts;

/// Accepts only characters that need no escape within quotes in the printed commands.
pub(super) fn shell_safe(text: &str) -> Result<String, String> {
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+=,@:".contains(&byte);
    accept(text, text.bytes().all(is_safe), "letters, digits and any of -._/+=,@:")
}

/// Parses the ARN of an IAM role.
pub(super) fn role(text: &str) -> Result<RoleArn, String> {
    let text = shell_safe(text)?;
    RoleArn::parse(&text).map(RoleArn::into_owned).map_err(|error| error.to_string())
}

/// Parses the number of a project.
pub(super) fn project_number(text: &str) -> Result<String, String> {
    let name = format!("projects/{text}/locations/global/workloadIdentityPools/pool/providers/prod");
    accept(text, ProviderName::parse(&name).is_ok(), "the number of a project (digits), which is not its ID")
}

/// Parses the ID of a project.
pub(super) fn project_id(text: &str) -> Result<String, String> {
    parse::project(text).map(str::to_owned).map_err(|error| error.to_string())
}

/// Parses the ID of a pool or of its provider.
pub(super) fn pool(text: &str) -> Result<String, String> {
    accept(text, is_pool_id(text), POOL_ID)
}

/// Parses the email of a Google service account, or a list with exceptions by container.
pub(super) fn service_accounts(text: &str) -> Result<String, String> {
    ServiceAccounts::parse(text).map(|accounts| accounts.to_string()).map_err(|error| {
        let without_hint = "expected a service account, for example NAME@PROJECT.iam.gserviceaccount.com";
        error.hint().map_or_else(|| without_hint.to_owned(), |hint| format!("{error}. Fix: {hint}"))
    })
}

/// Parses the name of a bucket of Cloud Storage.
pub(super) fn bucket(text: &str) -> Result<String, String> {
    let is_valid = (3..=222).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte));
    accept(text, is_valid, "a bucket: 3 to 222 lower-case letters, digits and any of -_.")
}

/// Parses the issuer of a cluster's tokens.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    accept(text, parse::issuer(text).is_ok(), "https://HOST/PATH")
}

fn accept(text: &str, is_valid: bool, expected: &str) -> Result<String, String> {
    if is_valid { Ok(text.to_owned()) } else { Err(format!("expected {expected}")) }
}
