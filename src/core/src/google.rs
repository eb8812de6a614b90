//! Google's names and limits: token types, audiences, provider names.

use std::fmt;

use crate::invalid_value::InvalidValue;

/// The subject token type of a SigV4-signed `GetCallerIdentity` request.
pub const AWS4_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// The subject token type of an OIDC provider's JSON web token.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The header that binds a signed request to one provider. Always signed.
pub const TARGET_RESOURCE_HEADER: &str = "x-goog-cloud-target-resource";

/// The domain of Google's default universe.
pub const DEFAULT_UNIVERSE: &str = "googleapis.com";

/// The name of an account that does not exist, where the metadata server's clients require one although the pod impersonates
/// none. Google's error message quotes it if a client signs with it.
pub const NO_SERVICE_ACCOUNT: &str = "direct_access_has_no_service_account";

/// The lifetime of an access token in seconds, if none is requested, by Google and by its libraries. Google allows no longer one
/// without an exception.
pub const TOKEN_LIFETIME: u32 = 3600;

/// The shortest lifetime in seconds that the configuration of a pod has if none is set. Each pod has its own, so that libraries
/// do not renew their tokens together. Its pods make at most a tenth more calls.
pub const MIN_POD_TOKEN_LIFETIME: u32 = TOKEN_LIFETIME / 10 * 9;

/// The maximum length of `google.subject` in bytes, after the provider's attribute mapping.
pub const MAX_SUBJECT_LEN: usize = 127;

/// The beginning of full resource names of IAM, and of its principals after their scheme.
///
/// The name has `googleapis.com` in every universe, unlike endpoints. Google STS answers `Invalid value for "audience"` to
/// `//iam.UNIVERSE/…`. Sources: `gcloud iam workload-identity-pools create-cred-config --universe-domain`; public issue
/// report of google-github-actions/auth for another universe.
pub const IAM_RESOURCES: &str = "//iam.googleapis.com/";

/// Returns the default endpoint of a service in a universe: `https://sts.googleapis.com`.
#[must_use]
pub fn endpoint(service: &str, universe: &str) -> String {
    format!("https://{service}.{universe}")
}

/// Returns the audience of a provider, `//iam.googleapis.com/projects/…`, to which subject tokens are bound.
#[must_use]
pub fn audience(provider: &str) -> String {
    format!("{IAM_RESOURCES}{provider}")
}

/// Returns the default audience of a JSON web token for a provider: the provider's resource name as a URL. The provider
/// may allow other audiences.
///
/// Source: `oidc.allowedAudiences` of a workload identity pool provider, IAM REST reference.
#[must_use]
pub fn token_audience(provider: &str) -> String {
    format!("https:{}", audience(provider))
}

/// The resource name of a workload identity pool provider:
/// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
///
/// Borrows its text as `ProviderName<&str>` or owns it as `ProviderName`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderName<S = String>(S);

impl<'a> ProviderName<&'a str> {
    /// Parses a resource name without copying it.
    ///
    /// # Errors
    /// Returns an error if the text is not such a name. If it is the provider's audience, or if only an ID is wrong, the
    /// hint says so.
    pub fn parse(text: &'a str) -> Result<Self, InvalidValue> {
        const EXPECTED: &str =
            "a provider: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
        if let Some([_, pool, provider]) = split_provider(text) {
            if let Some(id) = [pool, provider].into_iter().find(|id| !is_pool_id(id)) {
                return Err(InvalidValue::with_hint(
                    EXPECTED,
                    format!("change the ID {id:?}: it needs {POOL_ID}"),
                ));
            }
            return Ok(Self(text));
        }
        let audience = ["//iam.", "https://iam."].iter().find_map(|prefix| text.strip_prefix(prefix));
        match audience.and_then(|rest| rest.split_once('/')) {
            Some((_, name)) if split_provider(name).is_some() => {
                let prefix = &text[..text.len() - name.len()];
                Err(InvalidValue::with_hint(EXPECTED, format!("drop the leading {prefix}")))
            }
            _ => Err(InvalidValue::expected(EXPECTED)),
        }
    }

    /// Returns the text.
    #[must_use]
    pub const fn into_str(self) -> &'a str {
        self.0
    }

    /// Copies the name.
    #[must_use]
    pub fn into_owned(self) -> ProviderName {
        ProviderName(self.0.to_owned())
    }
}

/// Requirements of Google for the ID of a pool or of its provider.
///
/// Source: `workloadIdentityPoolId` and `workloadIdentityPoolProviderId`, IAM discovery document.
pub const POOL_ID: &str = "4 to 32 lower-case letters, digits and hyphens, without gcp- in front";

/// Returns true if the text can be the ID of a pool or of its provider, as [`POOL_ID`] says.
#[must_use]
pub fn is_pool_id(id: &str) -> bool {
    (4..=32).contains(&id.len())
        && !id.starts_with("gcp-")
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Returns the project's number, the pool and the provider. The IDs may be invalid.
fn split_provider(text: &str) -> Option<[&str; 3]> {
    let parts: Vec<_> = text.split('/').collect();
    let ["projects", number, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts[..]
    else {
        return None;
    };
    let is_number = (1..=19).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some([number, pool, provider])
}

impl<S: AsRef<str>> ProviderName<S> {
    /// Returns the whole resource name.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// Returns the number of the pool's project.
    pub fn project_number(&self) -> &str {
        self.part(1)
    }

    /// Returns the ID of the pool.
    pub fn pool(&self) -> &str {
        self.part(5)
    }

    /// Returns the ID of the provider in its pool.
    pub fn provider(&self) -> &str {
        self.part(7)
    }

    fn part(&self, index: usize) -> &str {
        self.as_str().split('/').nth(index).unwrap_or_default()
    }
}

impl<S: AsRef<str>> fmt::Display for ProviderName<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROVIDER: &str = "projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod";

    #[test]
    fn provider_name_parses_the_resource_name_only() {
        let parsed = ProviderName::parse(PROVIDER).unwrap();
        assert_eq!(
            (parsed.as_str(), parsed.project_number(), parsed.pool(), parsed.provider()),
            (PROVIDER, "123456", "aws-pool", "prod")
        );
        for text in ["//iam.googleapis.com/", "https://iam.googleapis.com/", "//iam.example.goog/"] {
            let audience = format!("{text}{PROVIDER}");
            let error = ProviderName::parse(&audience).unwrap_err();
            assert_eq!(error.hint(), Some(&*format!("drop the leading {text}")));
        }
        for text in [
            "",
            "projects/my-project/locations/global/workloadIdentityPools/pool/providers/prod",
            "projects/1/locations/global/workloadIdentityPools/pool",
            "projects/1/locations/eu/workloadIdentityPools/pool/providers/prod",
            &format!("{PROVIDER}/"),
            &format!("{PROVIDER}\n"),
        ] {
            assert!(ProviderName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn provider_name_refuses_ids_that_google_refuses() {
        let longest = "a".repeat(32);
        for id in ["pool", "0000", "a-gcp", &longest] {
            assert!(is_pool_id(id), "{id}");
        }
        let too_long = "a".repeat(33);
        for id in ["", "aws", "Pool", "aws_pool", "gcp-pool", "p\u{f6}ol", "pool\n", &too_long] {
            for (pool, provider) in [(id, "prod"), ("pool", id)] {
                let name =
                    format!("projects/1/locations/global/workloadIdentityPools/{pool}/providers/{provider}");
                let error = ProviderName::parse(&name).unwrap_err();
                let hint = format!("change the ID {id:?}: it needs {POOL_ID}");
                assert_eq!(error.hint(), Some(&*hint), "{name}");
            }
        }
    }
}
