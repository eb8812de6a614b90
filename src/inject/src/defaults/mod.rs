//! `defaults.yaml`: what the platform team decides for every pod.

mod document;

use std::collections::BTreeMap;
use std::fmt;

use rolebridge_core::annotations;

use self::document::Document;
use crate::pattern::Pattern;

/// The document with every key that it may have and what holds without it.
pub const EXAMPLE: &str = include_str!("defaults.yaml");

/// The annotations that only the namespace or the chart may set, unless the document says otherwise: whoever moves an
/// endpoint is sent tokens. The universe moves both of Google's, and no pattern of `allowed.providers` looks at it; where
/// a library leaves the audience unsigned, a token that was sent elsewhere is good for the real provider.
pub const LOCKED: &[&str] = &[
    annotations::AWS_STS_ENDPOINT,
    annotations::STS_ENDPOINT,
    annotations::IAM_CREDENTIALS_ENDPOINT,
    annotations::UNIVERSE_DOMAIN,
];

/// The platform team's document, typed: each value has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    pub(crate) image: String,
    pub(crate) image_pull_policy: PullPolicy,
    pub(crate) image_pull_secrets: Vec<String>,
    settings: BTreeMap<&'static str, String>,
    allowed_providers: Vec<Pattern>,
    allowed_service_accounts: Vec<Pattern>,
    locked: Vec<&'static str>,
}

/// When the kubelet pulls the sidecar's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum PullPolicy {
    /// At each start.
    Always,
    /// Once a node.
    IfNotPresent,
    /// Never: it is on the node already.
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
            locked: LOCKED.to_vec(),
        }
    }
}

impl Defaults {
    /// Reads the document. What it does not say is as in [`Defaults::default`].
    ///
    /// # Errors
    ///
    /// It is not YAML, has an unknown key, or a value that means nothing; the error says which.
    pub fn from_yaml(text: &str) -> Result<Self, DefaultsError> {
        Document::parse(text)?.check()
    }

    /// The sidecar's image.
    #[must_use]
    pub fn image(&self) -> &str {
        &self.image
    }

    /// What the document says for an annotation.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    /// Whether only the namespace or the chart may set an annotation.
    pub(crate) fn locks(&self, key: &str) -> bool {
        self.locked.contains(&key)
    }

    pub(crate) fn allows_provider(&self, provider: &str, namespace: &str) -> bool {
        allows(&self.allowed_providers, provider, namespace)
    }

    pub(crate) fn allows_service_account(&self, email: &str, namespace: &str) -> bool {
        allows(&self.allowed_service_accounts, email, namespace)
    }
}

/// No pattern at all allows everything.
fn allows(patterns: &[Pattern], value: &str, namespace: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(value, namespace))
}

/// Why a document is not `defaults.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultsError(String);

impl fmt::Display for DefaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DefaultsError {}

#[cfg(test)]
mod tests;
