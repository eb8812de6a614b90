//! The position of the sidecar in the init containers.

use rolebridge_core::pod_names::CONTAINER;

use crate::mesh;
use crate::settings::ContainerSelection;
use crate::view::{Container, Pod};

/// Returns the index of the sidecar in the init containers without one. It is the first, so the others and the app start
/// after the first token.
///
/// One exception: the sidecar comes after a service mesh's native proxy and the mesh's other init containers, and after those
/// that the settings name. With a CNI plugin no container before the proxy has a network, and a sidecar that waits there
/// would block the proxy.
///
/// A proxy that is not native starts after all init containers anyway. Before `istio-init`, which is then the last one, the
/// sidecar still has a network without redirection.
pub(crate) fn sidecar_index(pod: &Pod<'_>, selection: &ContainerSelection<'_>) -> usize {
    last_required(pod, selection).map_or(0, |last| last + 1)
}

/// Returns the index to which the existing sidecar at `index` must move, because a later webhook has added a container that
/// must come before it. The index is that in the list without the sidecar.
pub(crate) fn move_to(pod: &Pod<'_>, selection: &ContainerSelection<'_>, index: usize) -> Option<usize> {
    last_required(pod, selection).filter(|last| *last > index)
}

/// Returns the index of the last init container that must come before the sidecar.
fn last_required(pod: &Pod<'_>, selection: &ContainerSelection<'_>) -> Option<usize> {
    let init = pod.init_containers();
    let has_native_proxy =
        init.iter().any(|container| mesh::is_proxy(container) && container.restarts_always());
    init.iter().rposition(|container| {
        has_native_proxy && mesh::owns(container) || selection.is_before_sidecar(container)
    })
}

/// Returns the init containers before the sidecar, which may already be in the pod.
pub(crate) fn before_sidecar<'a>(
    pod: &'a Pod<'a>,
    selection: &ContainerSelection<'_>,
) -> impl Iterator<Item = &'a Container<'a>> + use<'a> {
    let init = pod.init_containers();
    let existing = init.iter().position(|container| *container.name == *CONTAINER);
    let count = existing.unwrap_or_default().max(sidecar_index(pod, selection));
    init[..count].iter().filter(|container| *container.name != *CONTAINER)
}

/// Returns the names of the containers that may provide the pod's network and that start after the sidecar that the pod has.
pub fn networks_after_sidecar<'a>(
    pod: &'a Pod<'a>,
    selection: &ContainerSelection<'_>,
) -> impl Iterator<Item = &'a str> {
    let existing = pod.init_containers().iter().position(|container| *container.name == *CONTAINER);
    let later = existing.map(|index| &pod.init_containers()[index..]).unwrap_or_default().iter();
    let is_network = |container: &&Container<'_>| {
        selection.is_before_sidecar(container)
            || container.restarts_always() && mesh::is_proxy(container)
            || mesh::resembles_proxy(container)
    };
    later.filter(move |container| is_network(container)).map(|container| &*container.name)
}

/// Returns the native sidecars after the sidecar.
pub(crate) fn native_after_sidecar<'a>(
    pod: &'a Pod<'a>,
    selection: &ContainerSelection<'_>,
) -> impl Iterator<Item = &'a Container<'a>> + use<'a> {
    let earlier = before_sidecar(pod, selection).count();
    let others = pod.init_containers().iter().filter(|container| *container.name != *CONTAINER);
    others.skip(earlier).filter(|container| container.restarts_always())
}

#[cfg(test)]
mod tests {
    use super::{move_to, sidecar_index};
    use crate::settings::{ContainerSelection, Setting};

    fn selection(start_after: &str) -> ContainerSelection<'_> {
        let start_after = Some(Setting::built_in(start_after.split_whitespace().collect()));
        ContainerSelection { only: None, skipped: None, start_after }
    }

    fn init_containers(names: &str) -> String {
        let containers: Vec<_> = names
            .split_whitespace()
            .map(|name| match name.strip_suffix('+') {
                Some(name) => format!(r#"{{"name":"{name}","restartPolicy":"Always"}}"#),
                None => format!(r#"{{"name":"{name}"}}"#),
            })
            .collect();
        format!(r#"{{"spec":{{"initContainers":[{}]}}}}"#, containers.join(","))
    }

    #[test]
    fn sidecar_index_is_after_a_native_proxy_else_first() {
        for (init, index) in [
            ("", 0),
            ("migrate", 0),
            ("migrate vault-agent+", 0),
            ("istio-init istio-proxy+ migrate", 2),
            ("istio-validation istio-proxy+", 2),
            ("linkerd-init linkerd-proxy+ migrate", 2),
            ("linkerd-network-validator linkerd-proxy+ migrate", 2),
            ("vault-agent-init linkerd-init linkerd-proxy+ migrate", 3),
            ("istio-proxy+ istio-init", 2),
            ("istio-validation migrate istio-init", 0),
            ("linkerd-init migrate", 0),
            ("kuma-validation kuma-sidecar+", 2),
            ("consul-connect-inject-init consul-dataplane+ migrate", 2),
            ("migrate netbird+", 2),
            ("acme-init acme-proxy+ migrate", 2),
            ("migrate acme-init", 2),
        ] {
            let json = init_containers(init);
            let selection = selection("acme-init acme-proxy");
            assert_eq!(sidecar_index(&serde_json::from_str(&json).unwrap(), &selection), index, "{init}");
        }
    }

    #[test]
    fn sidecar_moves_only_after_a_container_that_must_come_before_it() {
        for (init, index) in [
            ("rolebridge+ migrate", None),
            ("rolebridge+ kuma-validation kuma-sidecar+ migrate", Some(2)),
            ("vault-agent rolebridge+ migrate acme-proxy+", Some(3)),
            ("kuma-sidecar+ rolebridge+ migrate", None),
            ("migrate kuma-sidecar+ migrate rolebridge+", None),
        ] {
            let json = init_containers(init);
            let pod = serde_json::from_str(&json).unwrap();
            let existing = init.split_whitespace().position(|name| name == "rolebridge+").unwrap();
            assert_eq!(move_to(&pod, &selection("acme-proxy"), existing), index, "{init}");
        }
    }
}
