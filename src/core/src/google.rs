//! Google's names: token types, audiences, limits.

/// The subject token type of a SigV4-signed `GetCallerIdentity` request.
pub const AWS4_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// The subject token type of an OIDC provider's JSON web token.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

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

/// The audience of a JSON web token for a provider that lists no other: its resource name as a URL.
///
/// Source: `oidc.allowedAudiences` of a workload identity pool provider, IAM REST reference.
#[must_use]
pub fn token_audience(universe: &str, provider: &str) -> String {
    format!("https:{}", audience(universe, provider))
}
