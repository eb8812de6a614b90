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

/// The hosts that Rolebridge adds to the app containers' `NO_PROXY`.
pub(crate) const LOOPBACK_HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Returns true if two `NO_PROXY` lists are equal apart from the hosts that Rolebridge adds. So a value that is derived from
/// the app containers stays the same after their injection.
pub(crate) fn is_same_no_proxy(one: &str, other: &str) -> bool {
    fn hosts(list: &str) -> impl Iterator<Item = &str> {
        let hosts = list.split(',').map(str::trim);
        hosts.filter(|host| !host.is_empty() && !LOOPBACK_HOSTS.contains(host))
    }
    hosts(one).eq(hosts(other))
}

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
    let is_list = names == NO_PROXY;
    let is_same = |one: &str, other: &str| one == other || is_list && is_same_no_proxy(one, other);
    let mut first = None;
    let mut differ = false;
    let mut unknown = Vec::new();
    for (container, variable) in variables(pod, names) {
        match variable.literal() {
            // Rolebridge adds such a list to a container without one.
            Some(value) if is_list && is_same(value, "") => {}
            Some(value) => differ |= !is_same(first.get_or_insert(value), value),
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::is_same_no_proxy;

    #[rstest]
    #[case(".svc", ".svc,127.0.0.1,localhost", true)]
    #[case("", "127.0.0.1,localhost", true)]
    #[case("localhost,.svc", "localhost,.svc,127.0.0.1", true)]
    #[case(" .svc, ", ".svc", true)]
    #[case(".svc", ".svc,.internal", false)]
    #[case(".svc,.internal", ".internal,.svc", false)]
    #[case("*", "", false)]
    fn is_same_no_proxy_ignores_the_hosts_that_rolebridge_adds(
        #[case] one: &str,
        #[case] other: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_same_no_proxy(one, other), expected);
    }
}
