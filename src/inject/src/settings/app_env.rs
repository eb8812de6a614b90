//! What the app's containers say literally and agree on: a region, a proxy.

use rolebridge_core::env::sidecar::AWS_CONTAINER_CREDENTIALS_FULL_URI;
use rolebridge_core::parse;
use rolebridge_core::pod_names::CONTAINER;

use crate::view::{Container, Env};
use crate::{Pod, mesh};

/// The variables of a proxy, the first that a container has.
pub(crate) const HTTPS_PROXY: &[&str] = &["HTTPS_PROXY", "https_proxy"];
/// The variables of what is reached without it.
pub(crate) const NO_PROXY: &[&str] = &["NO_PROXY", "no_proxy"];

/// What the app's containers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Consensus<'a> {
    /// Nothing.
    None,
    /// One value, all that say anything.
    One(&'a str),
    /// Values that differ.
    Conflict,
    /// Something that nobody sees before the pod runs, in these containers.
    Unknown(Vec<&'a str>),
}

/// Each of the app's containers that has any of these variables, with the first that it has.
pub(crate) fn variables<'a>(
    pod: &'a Pod<'_>,
    names: &'static [&str],
) -> impl Iterator<Item = (&'a Container<'a>, &'a Env<'a>)> {
    let of_app = pod.app_containers().iter().filter(|one| !mesh::owns(one) && *one.name != *CONTAINER);
    of_app.filter_map(|one| Some((one, names.iter().find_map(|name| one.variable(name))?)))
}

/// What the app's containers say for any of these variables.
pub(crate) fn env_consensus<'a>(pod: &'a Pod<'_>, names: &'static [&str]) -> Consensus<'a> {
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
        _ if !unknown.is_empty() => Consensus::Unknown(unknown),
        _ if differ => Consensus::Conflict,
        Some(value) if !value.is_empty() => Consensus::One(value),
        _ => Consensus::None,
    }
}

/// The one value that the app's containers give to any of these variables; `None` if they differ or say nothing.
pub(crate) fn value<'a>(pod: &'a Pod<'_>, names: &'static [&str]) -> Option<&'a str> {
    match env_consensus(pod, names) {
        Consensus::One(value) => Some(value),
        Consensus::None | Consensus::Conflict | Consensus::Unknown(_) => None,
    }
}

/// Whether EKS Pod Identity's webhook has been here. Other programs give credentials by the same variable.
pub(crate) fn carries_pod_identity(pod: &Pod<'_>) -> bool {
    let is_agent =
        |variable: &Env<'_>| variable.literal().is_some_and(|uri| parse::pod_identity_uri(uri).is_ok());
    pod.containers().any(|(_, _, one)| one.variable(AWS_CONTAINER_CREDENTIALS_FULL_URI).is_some_and(is_agent))
}
