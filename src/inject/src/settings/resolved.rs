//! The resolved settings of a pod.

use rolebridge_core::identity::Identity;
use rolebridge_core::token_source::TokenSource;

use super::aws::Aws;
use super::container_selection::ContainerSelection;
use super::google::Google;
use super::origin::Setting;
use super::sidecar::Sidecar;
use super::token_source::TokenSources;

/// The resolved settings of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<'a> {
    /// The identity that the pod proves to Google.
    pub identity: Setting<Identity>,
    /// The Google settings.
    pub google: Google<'a>,
    /// The AWS settings. `None` if the identity does not use AWS.
    pub aws: Option<Aws<'a>>,
    /// The token source of each container.
    pub sources: Setting<TokenSources<'a>>,
    /// The additional token files that the sidecar refreshes, as text of `rolebridge.io/outputs`.
    pub outputs: Option<Setting<&'a str>>,
    /// The containers that get credentials.
    pub containers: ContainerSelection<'a>,
    /// The sidecar's settings.
    pub sidecar: Sidecar<'a>,
}

impl Settings<'_> {
    /// Returns true if the sidecar itself requests Google tokens.
    pub(crate) fn has_google_tokens(&self) -> bool {
        self.sources.value.uses_metadata() || self.outputs.is_some()
    }

    /// Returns true if the pod needs a sidecar. The kubelet itself refreshes the token of a Kubernetes service account.
    pub(crate) fn has_sidecar(&self) -> bool {
        self.identity.value != Identity::Kubernetes || self.has_google_tokens()
    }

    /// Returns true if the sidecar serves on 127.0.0.1.
    pub(crate) fn has_server(&self) -> bool {
        self.sources.value.in_use().any(TokenSource::needs_server)
    }
}
