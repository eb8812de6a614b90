//! Which containers get credentials.

use rolebridge_core::annotations as key;
use rolebridge_core::aws::CredentialsSource;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::CONTAINER;

use super::places::{Found, Places};
use super::sources::{Source, Sources};
use super::{Origin, Setting, conflicts, value};
use crate::sentence::MOST_IN_REFUSAL;
use crate::view::Container;
use crate::{Denial, Pod, Reason, mesh, sentence};

/// The containers that get credentials: those named, or all but a service mesh's, without those to skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'a> {
    /// `rolebridge.io/containers`.
    pub only: Option<Setting<Vec<&'a str>>>,
    /// `rolebridge.io/skip-containers`.
    pub skipped: Option<Setting<Vec<&'a str>>>,
}

impl<'a> Selection<'a> {
    pub(super) fn resolve(places: &Places<'a>) -> Result<Self, Denial> {
        let list = |key| {
            let Some(found) = places.find(key) else { return Ok(None) };
            let names = places.read(found, value::container_names)?;
            names.value.iter().try_for_each(|name| check_exists(places, found, name))?;
            Ok(Some(names))
        };
        Ok(Self { only: list(key::CONTAINERS)?, skipped: list(key::SKIP_CONTAINERS)? })
    }

    /// Whether a container gets credentials.
    pub(crate) fn takes(&self, container: &Container<'_>) -> bool {
        let named = |list: &Setting<Vec<&str>>| list.value.contains(&&*container.name);
        *container.name != *CONTAINER
            && !self.skipped.as_ref().is_some_and(named)
            && self.only.as_ref().map_or_else(|| !mesh::owns(container), named)
    }

    /// The lack of any container that gets credentials.
    pub(super) fn check_some(&self, pod: &Pod<'_>) -> Result<(), Denial> {
        if pod.containers().any(|(_, _, container)| self.takes(container)) {
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
    places: &Places<'a>,
    identity: Setting<Identity>,
    credentials: Setting<CredentialsSource>,
) -> Result<Setting<Sources<'a>>, Denial> {
    let common = match (identity.value, credentials.value) {
        (Identity::AwsRole, CredentialsSource::Irsa) => Source::Loopback,
        (Identity::AwsRole, CredentialsSource::PodIdentity) => Source::Metadata,
        (Identity::AwsJwt | Identity::Kubernetes, _) => Source::File,
    };
    let built_in = Setting::built_in(Sources::all(common));
    let Some(found) = places.find(key::SOURCE) else { return Ok(built_in) };
    let sources = places.read(found, |text| Sources::parse(text, common))?;
    sources.value.apart.iter().try_for_each(|(name, _)| check_exists(places, found, name))?;
    match conflicts::without_loopback(identity, credentials) {
        Some(decider) if sources.value.uses(Source::Loopback) => {
            conflicts::check_loopback(places, &decider).map(|()| built_in)
        }
        _ => Ok(sources),
    }
}

/// A name on the pod must be one of its containers'. A service account, a namespace and the chart speak for many pods,
/// of which not each has the container.
fn check_exists(places: &Places<'_>, found: Found<'_>, name: &str) -> Result<(), Denial> {
    let names =
        || places.pod.containers().map(|(_, _, container)| &*container.name).filter(|one| *one != CONTAINER);
    if found.origin != Origin::Pod || names().any(|one| one == name) {
        return Ok(());
    }
    let names = sentence::names(MOST_IN_REFUSAL, names()).unwrap_or_else(|| "none".to_owned());
    let end = format!("names {name}, which is no container of the pod; it has {names}");
    Err(places.refuse(found, Reason::BadValue, end))
}
