//! What the flags take: what is wrong with a value is said of the flag, before it becomes an annotation.

use rolebridge_core::annotations as key;
use rolebridge_inject::settings;

use super::Role;

/// What the commands carry in quotes needs none of what quotes are for.
pub(super) fn plain(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+=,@:".contains(&byte);
    right(text, text.bytes().all(is_plain), "letters, digits and any of -._/+=,@:")
}

/// An IAM role.
pub(super) fn role(text: &str) -> Result<Role, String> {
    let parsed = Role::parse(&plain(text)?);
    parsed.ok_or_else(|| "the ARN of an IAM role, arn:aws:iam::ACCOUNT:role/NAME, would be right".to_owned())
}

/// The number of a project.
pub(super) fn project_number(text: &str) -> Result<String, String> {
    right(text, is_provider(text, "pool"), "a project's number, which is not its ID, of digits alone")
}

/// The ID of a pool or of its provider.
pub(super) fn pool(text: &str) -> Result<String, String> {
    right(text, is_provider("1", text), "an ID of at most 32 lower-case letters, digits and hyphens")
}

/// Whether a name with these parts is a provider's, to the engine.
fn is_provider(number: &str, id: &str) -> bool {
    let name = format!("projects/{number}/locations/global/workloadIdentityPools/{id}/providers/{id}");
    settings::is_valid_value(key::PROVIDER, &name)
}

/// A Google service account.
pub(super) fn email(text: &str) -> Result<String, String> {
    let is_email = settings::is_valid_value(key::SERVICE_ACCOUNT, text);
    right(text, is_email, "a service account, such as NAME@PROJECT.iam.gserviceaccount.com,")
}

/// The issuer of a cluster's tokens.
pub(super) fn issuer(text: &str) -> Result<String, String> {
    right(&plain(text)?, text.starts_with("https://"), "https://HOST/PATH")
}

fn right(text: &str, is_right: bool, what: &str) -> Result<String, String> {
    if is_right { Ok(text.to_owned()) } else { Err(format!("{what} would be right")) }
}
