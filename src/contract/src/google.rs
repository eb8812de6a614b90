//! Google's names: token types, audiences, limits.

/// The subject token type of a SigV4-signed `GetCallerIdentity` request.
pub const AWS4_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// The header that binds a signed request to one provider; always signed.
pub const TARGET_RESOURCE_HEADER: &str = "x-goog-cloud-target-resource";

/// Google's own universe.
pub const DEFAULT_UNIVERSE: &str = "googleapis.com";

/// The most bytes that `google.subject` may have after the provider's attribute mapping.
pub const MAX_SUBJECT_LEN: usize = 127;

/// The audience of a provider, `//iam.googleapis.com/projects/…`: what the subject token is bound to.
#[must_use]
pub fn audience(universe: &str, provider: &str) -> String {
    format!("//iam.{universe}/{provider}")
}
