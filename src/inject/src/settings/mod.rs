//! Annotations, typed: each is parsed once, from the pod, else its service account, else its namespace, else the
//! defaults, and remembers where it came from.

pub(crate) mod app_env;
mod aws;
mod conflicts;
mod container_selection;
mod explain;
mod google;
mod origin;
mod parse;
mod ports;
mod precedence;
mod session_name;
mod sidecar;
mod token_source;

#[cfg(test)]
mod tests;

pub use aws::{Aws, Credentials};
pub use container_selection::ContainerSelection;
pub use explain::{ResolvedSetting, declared_settings};
pub use google::Google;
pub use origin::{Origin, Setting};
pub(crate) use parse::check;
pub use parse::{CaBundle, ParsedQuantity, RoleArn};
pub(crate) use precedence::Precedence;
use rolebridge_core::annotations as key;
use rolebridge_core::identity::Identity;
pub use session_name::SessionName;
pub use sidecar::{ResourceBounds, Sidecar};
pub use token_source::{TokenSource, TokenSources};

use crate::{Context, Denial, Pod};

/// Everything that was decided about a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<'a> {
    /// What the pod proves.
    pub identity: Setting<Identity>,
    /// At Google.
    pub google: Google<'a>,
    /// At AWS; `None`: the identity needs nothing of it.
    pub aws: Option<Aws<'a>>,
    /// How each container's library gets a token.
    pub sources: Setting<TokenSources<'a>>,
    /// Further files that the sidecar keeps fresh, as `rolebridge.io/outputs` has them.
    pub outputs: Option<Setting<&'a str>>,
    /// Which containers get credentials.
    pub containers: ContainerSelection<'a>,
    /// The sidecar's own.
    pub sidecar: Sidecar<'a>,
}

/// Whether a value of an annotation means something at all, whatever else is said.
#[must_use]
pub fn is_valid_value(annotation: &str, text: &str) -> bool {
    check(annotation, text).is_ok()
}

/// The settings of a pod.
///
/// # Errors
///
/// A value means nothing or is not allowed; else a provider, an AWS identity or a container is
/// lacking.
pub fn resolve<'a>(pod: &'a Pod<'_>, context: &Context<'a>) -> Result<Settings<'a>, Denial> {
    let precedence = Precedence { pod, context: *context };
    let identity = precedence.or(key::IDENTITY, parse::identity, Identity::AwsRole)?;
    let credentials = aws::credentials(&precedence)?;
    conflicts::check_aws(&precedence, identity, credentials)?;
    let google = Google::resolve(&precedence)?;
    let aws = match identity.value {
        Identity::AwsRole | Identity::AwsJwt => Some(Aws::resolve(&precedence, identity.value, credentials)?),
        Identity::Kubernetes => None,
    };
    let sources = container_selection::sources(&precedence, identity, credentials)?;
    let outputs = precedence.optional(key::OUTPUTS, parse::outputs)?;
    let containers = ContainerSelection::resolve(&precedence)?;
    let sidecar = Sidecar::resolve(&precedence)?;
    containers.check_some(pod)?;
    let (google, aws) = (google?, aws.transpose()?);
    let settings = Settings { identity, google, aws, sources, outputs, containers, sidecar };
    conflicts::check_google(&precedence, &settings)?;
    ports::check(&precedence, &settings)?;
    ports::check_host_network(pod, &settings)?;
    Ok(settings)
}

impl Settings<'_> {
    /// Whether the sidecar has Google's tokens made itself.
    pub(crate) fn has_google_tokens(&self) -> bool {
        self.sources.value.uses(TokenSource::Metadata) || self.outputs.is_some()
    }

    /// Whether there is anything for a sidecar to do: the kubelet itself keeps the token of a Kubernetes service account
    /// fresh.
    pub(crate) fn has_sidecar(&self) -> bool {
        self.identity.value != Identity::Kubernetes || self.has_google_tokens()
    }

    /// Whether the sidecar has a server on 127.0.0.1.
    pub(crate) fn has_server(&self) -> bool {
        self.sources.value.in_use().any(TokenSource::needs_server)
    }
}
