//! The typed defaults.

use std::collections::BTreeMap;
use std::fmt;

use rolebridge_core::annotations;

use crate::pattern::Pattern;

/// The annotations that only the namespace or the chart's defaults may set, unless the document overrides the list.
///
/// Tokens are sent to these endpoints, so a pod must not redirect them. The universe determines both of Google's, and no
/// pattern of `allowed.providers` covers it. If a library leaves the audience unsigned, a token that was sent to another
/// universe is also valid for the real provider. A proxy and its CA receive what is sent to every endpoint. `no-proxy` is
/// not among them, because it only leads back to the endpoints.
pub const LOCKED: &[&str] = &[
    annotations::AWS_STS_ENDPOINT,
    annotations::STS_ENDPOINT,
    annotations::IAM_CREDENTIALS_ENDPOINT,
    annotations::UNIVERSE_DOMAIN,
    annotations::HTTPS_PROXY,
    annotations::CA_BUNDLE,
];

/// The platform team's validated defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    pub(crate) image: String,
    pub(crate) image_pull_policy: PullPolicy,
    pub(crate) image_pull_secrets: Vec<String>,
    pub(super) settings: BTreeMap<&'static str, String>,
    pub(super) allowed_providers: Vec<Pattern>,
    pub(super) allowed_service_accounts: Vec<Pattern>,
    pub(super) allowed_roles: Vec<Pattern>,
    pub(super) locked: Vec<&'static str>,
}

/// The pull policy of the sidecar's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum PullPolicy {
    /// Pull at each start.
    Always,
    /// Pull once per node.
    IfNotPresent,
    /// Never pull: the image is already on the node.
    Never,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            image: concat!("ghcr.io/rolebridge/sidecar:", env!("CARGO_PKG_VERSION")).to_owned(),
            image_pull_policy: PullPolicy::IfNotPresent,
            image_pull_secrets: Vec::new(),
            settings: BTreeMap::new(),
            allowed_providers: Vec::new(),
            allowed_service_accounts: Vec::new(),
            allowed_roles: Vec::new(),
            locked: LOCKED.to_vec(),
        }
    }
}

impl Defaults {
    /// Returns the sidecar's image.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// Returns the document's value for an annotation.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// Returns true if only the namespace or the chart's defaults may set the annotation.
    pub(crate) fn locks(&self, key: &str) -> bool {
        self.locked.contains(&key)
    }

    pub(crate) fn allows_provider(&self, provider: &str, namespace: &str) -> bool {
        allows(&self.allowed_providers, provider, namespace)
    }

    pub(crate) fn allows_service_account(&self, email: &str, namespace: &str) -> bool {
        allows(&self.allowed_service_accounts, email, namespace)
    }

    pub(crate) fn allows_role(&self, arn: &str, namespace: &str) -> bool {
        allows(&self.allowed_roles, arn, namespace)
    }
}

/// Returns true if a pattern matches. An empty list allows everything.
fn allows(patterns: &[Pattern], value: &str, namespace: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(value, namespace))
}

/// The error of an invalid `defaults.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultsError(pub(super) String);

impl fmt::Display for DefaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DefaultsError {}
