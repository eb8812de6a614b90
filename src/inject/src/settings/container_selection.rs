//! Which containers get credentials.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::CONTAINER;

use super::precedence::{Precedence, RawSetting};
use super::token_source::{TokenSource, TokenSources};
use super::{Origin, Setting, conflicts, parse};
use crate::message::MAX_NAMES_IN_DENIAL;
use crate::view::Container;
use crate::{Denial, Pod, Reason, mesh, message};

/// The containers that get credentials: those named, or all but a service mesh's, without those to skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSelection<'a> {
    /// `rolebridge.io/containers`.
    pub only: Option<Setting<Vec<&'a str>>>,
    /// `rolebridge.io/skip-containers`.
    pub skipped: Option<Setting<Vec<&'a str>>>,
}

impl<'a> ContainerSelection<'a> {
    pub(super) fn resolve(precedence: &Precedence<'a>) -> Result<Self, Denial> {
        let list = |key| {
            let Some(found) = precedence.find(key) else { return Ok(None) };
            let names = precedence.read(found, parse::container_names)?;
            names.value.iter().try_for_each(|name| check_exists(precedence, found, name))?;
            Ok(Some(names))
        };
        Ok(Self { only: list(key::CONTAINERS)?, skipped: list(key::SKIP_CONTAINERS)? })
    }

    /// Whether a container gets credentials.
    pub(crate) fn includes(&self, container: &Container<'_>) -> bool {
        let named = |list: &Setting<Vec<&str>>| list.value.contains(&&*container.name);
        *container.name != *CONTAINER
            && !self.skipped.as_ref().is_some_and(named)
            && self.only.as_ref().map_or_else(|| !mesh::owns(container), named)
    }

    /// The lack of any container that gets credentials.
    pub(super) fn check_some(&self, pod: &Pod<'_>) -> Result<(), Denial> {
        if pod.containers().any(|(_, _, container)| self.includes(container)) {
            return Ok(());
        }
        let message = format!(
            "No container of the pod is left that would get credentials: see {} and {}.",
            key::CONTAINERS,
            key::SKIP_CONTAINERS
        );
        Err(Denial::of_settings(Reason::NoContainers, message))
    }
}

/// The source of each container. One that the identity rules out gives way to the identity's own, unless it was said as
/// close to the pod.
pub(super) fn sources<'a>(
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
    let Some(found) = precedence.find(key::SOURCE) else { return Ok(built_in) };
    let sources = precedence.read(found, |text| TokenSources::parse(text, default))?;
    sources.value.overrides.iter().try_for_each(|(name, _)| check_exists(precedence, found, name))?;
    match conflicts::without_loopback(identity, credentials) {
        Some(decider) if sources.value.uses(TokenSource::Loopback) => {
            conflicts::check_loopback(precedence, &decider).map(|()| built_in)
        }
        _ => Ok(sources),
    }
}

/// A name on the pod must be one of its containers'. A service account, a namespace and the chart speak for many pods,
/// of which not each has the container.
fn check_exists(precedence: &Precedence<'_>, found: RawSetting<'_>, name: &str) -> Result<(), Denial> {
    let names = || {
        precedence.pod.containers().map(|(_, _, container)| &*container.name).filter(|one| *one != CONTAINER)
    };
    if found.origin != Origin::Pod || names().any(|one| one == name) {
        return Ok(());
    }
    let names = message::join_names(MAX_NAMES_IN_DENIAL, names()).unwrap_or_else(|| "none".to_owned());
    let end = format!("names {name}, which is no container of the pod; it has {names}");
    Err(precedence.deny(found, Reason::BadValue, end))
}
