//! Settings from the literal environment variables of the app containers: a region, a proxy.

use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;
use rolebridge_core::parse;
use rolebridge_core::pod_names::CONTAINER;

use crate::mesh;
use crate::view::{Container, Env, Pod};

/// The variables of the HTTPS proxy. The first one that a container sets counts.
pub(crate) const HTTPS_PROXY: &[&str] = &["HTTPS_PROXY", "https_proxy"];
/// The variables of the hosts that bypass the proxy. The first one that a container sets counts.
pub(crate) const NO_PROXY: &[&str] = &["NO_PROXY", "no_proxy"];

/// The variables of the region. The first one that a container sets counts.
pub(crate) const REGION: &[&str] = &["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The common value of a variable in the app containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommonValue<'a> {
    /// No container sets the variable.
    None,
    /// All containers that set the variable set this value.
    One(&'a str),
    /// Containers set different values.
    Conflict,
    /// The value is unknown before the pod runs, in these containers.
    Unknown(Vec<&'a str>),
}

/// Returns each app container that sets one of the variables, with the first one that it sets.
pub(crate) fn variables<'a>(
    pod: &'a Pod<'_>,
    names: &'static [&str],
) -> impl Iterator<Item = (&'a Container<'a>, &'a Env<'a>)> {
    let is_app = |container: &&Container<'_>| !mesh::owns(container) && *container.name != *CONTAINER;
    let containers = pod.app_containers().iter().filter(is_app);
    containers
        .filter_map(|container| Some((container, names.iter().find_map(|name| container.variable(name))?)))
}

/// Returns the common value of the variables in the app containers.
pub(crate) fn common_value<'a>(pod: &'a Pod<'_>, names: &'static [&str]) -> CommonValue<'a> {
    let mut first = None;
    let mut differ = false;
    let mut unknown = Vec::new();
    for (container, variable) in variables(pod, names) {
        match variable.literal() {
            Some(value) => differ |= *first.get_or_insert(value) != value,
            None => unknown.push(&*container.name),
        }
    }
    match first {
        _ if !unknown.is_empty() => CommonValue::Unknown(unknown),
        _ if differ => CommonValue::Conflict,
        Some(value) if !value.is_empty() => CommonValue::One(value),
        _ => CommonValue::None,
    }
}

/// Returns the value that all app containers that set one of the variables agree on.
pub(crate) fn value<'a>(pod: &'a Pod<'_>, names: &'static [&str]) -> Option<&'a str> {
    match common_value(pod, names) {
        CommonValue::One(value) => Some(value),
        CommonValue::None | CommonValue::Conflict | CommonValue::Unknown(_) => None,
    }
}

/// Returns true if EKS Pod Identity's webhook has changed the pod. Other programs provide credentials by the same
/// variable, so its value must be the agent's address.
pub(crate) fn carries_pod_identity(pod: &Pod<'_>) -> bool {
    let is_agent =
        |variable: &Env<'_>| variable.literal().is_some_and(|uri| parse::pod_identity_uri(uri).is_ok());
    pod.containers()
        .any(|(_, _, container)| container.variable(AWS_CONTAINER_CREDENTIALS_FULL_URI).is_some_and(is_agent))
}
