//! Resolves the settings of a pod.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::identity::Identity;
use rolebridge_core::token_source::TokenSource;

use super::aws::{self, Aws};
use super::conflicts::{self, ExclusiveSetting};
use super::container_selection::{ContainerSelection, check_all_exist};
use super::google::Google;
use super::origin::{Origin, Setting};
use super::precedence::Precedence;
use super::resolved::Settings;
use super::sidecar::Sidecar;
use super::token_source::TokenSources;
use super::{impersonation, metadata_host, parse, ports};
use crate::context::Context;
use crate::denial::Denial;
use crate::object_metadata::{MAX_SETTINGS_BYTES, ObjectMetadata};
use crate::reason::Reason;
use crate::view::Pod;

/// Resolves the settings of a pod.
///
/// # Errors
///
/// Returns an error if an object's settings are too large, or a value is invalid or not allowed. Otherwise, returns one if a
/// provider, an AWS identity or a container is missing.
pub fn resolve<'a>(pod: &'a Pod<'_>, context: &Context<'a>) -> Result<Settings<'a>, Denial> {
    let precedence = Precedence { pod, context: *context };
    check_sizes(&precedence)?;
    let identity = precedence.or(key::IDENTITY, parse::identity, Identity::AwsRole)?;
    let credentials = aws::credentials(&precedence)?;
    conflicts::check_aws(&precedence, identity, credentials)?;
    let google = Google::resolve(&precedence)?;
    let aws = match identity.value {
        Identity::AwsRole | Identity::AwsJwt => Some(Aws::resolve(&precedence, identity.value, credentials)?),
        Identity::Kubernetes => None,
    };
    let sources = sources(&precedence, identity, credentials)?;
    let outputs = precedence.optional(key::OUTPUTS, parse::outputs)?;
    let containers = ContainerSelection::resolve(&precedence)?;
    let sidecar = Sidecar::resolve(&precedence)?;
    containers.check_not_empty(pod)?;
    let (google, aws) = (google?, aws.transpose()?);
    let settings = Settings { identity, google, aws, sources, outputs, containers, sidecar };
    impersonation::check(&precedence, &settings)?;
    ports::check(&precedence, &settings)?;
    metadata_host::check(&precedence, &settings)?;
    ports::check_host_network(pod, &settings)?;
    Ok(settings)
}

/// Denies a pod if its service account or namespace has more settings than are kept, so that they are unknown.
fn check_sizes(precedence: &Precedence<'_>) -> Result<(), Denial> {
    let Context { service_account, namespace_metadata, .. } = precedence.context;
    for (metadata, origin) in
        [(service_account, Origin::ServiceAccount), (namespace_metadata, Origin::Namespace)]
    {
        if let Some(bytes) = metadata.and_then(ObjectMetadata::excessive_bytes) {
            let message = format!(
                "Rolebridge annotations {}: expected at most {MAX_SETTINGS_BYTES} bytes together, found {bytes}. Fix: \
                 shorten or remove some of them.",
                precedence.describe_origin(origin)
            );
            // The watch delivers a smaller version. Until then, reads would only cost as much as the large one.
            return Err(Denial::for_pod(Reason::TooLarge, message));
        }
    }
    Ok(())
}

/// Resolves the token source of each container. A source that conflicts with the identity gives way to the identity's
/// default, unless it has at least the identity's precedence: then the pod is denied.
fn sources<'a>(
    precedence: &Precedence<'a>,
    identity: Setting<Identity>,
    credentials: Setting<CredentialsSource>,
) -> Result<Setting<TokenSources<'a>>, Denial> {
    let default = match (identity.value, credentials.value) {
        (Identity::AwsRole, CredentialsSource::Irsa) => TokenSource::Loopback,
        (Identity::AwsRole, CredentialsSource::PodIdentity) => TokenSource::Metadata,
        (Identity::AwsJwt | Identity::Kubernetes, _) => TokenSource::File,
    };
    let built_in = Setting::built_in(TokenSources::all(default));
    let Some(raw) = precedence.find(key::SOURCE) else { return Ok(built_in) };
    let sources = precedence.read(raw, |text| TokenSources::parse(text, default))?;
    check_all_exist(precedence, raw, sources.value.overrides.iter().map(|(name, _)| *name))?;
    match ExclusiveSetting::without_loopback(identity, credentials) {
        Some(exclusive) if sources.value.uses(TokenSource::Loopback) => {
            exclusive.check_loopback(precedence).map(|()| built_in)
        }
        _ => Ok(sources),
    }
}
