//! The position of the sidecar in the init containers.

use rolebridge_core::pod_names::CONTAINER;

use crate::mesh;
use crate::view::{Container, Pod};

/// Returns the index of the sidecar. It is the first init container, so the others and the app start after the first
/// token.
///
/// One exception: the sidecar comes after a service mesh's native proxy and the mesh's other init containers. With a CNI
/// plugin no container before the proxy has a network, and a sidecar that waits there would block the proxy.
///
/// A proxy that is not native starts after all init containers anyway. Before `istio-init`, which is then the last one, the
/// sidecar still has a network without redirection.
pub(crate) fn sidecar_index(pod: &Pod<'_>) -> usize {
    let init = pod.init_containers();
    let has_native_proxy =
        init.iter().any(|container| mesh::is_proxy(container) && container.restarts_always());
    let last = init.iter().rposition(mesh::owns).filter(|_| has_native_proxy);
    last.map_or(0, |last| last + 1)
}

/// Returns the init containers before the sidecar, which may already be in the pod.
pub(crate) fn before_sidecar<'a>(pod: &'a Pod<'_>) -> &'a [Container<'a>] {
    let init = pod.init_containers();
    let existing = init.iter().position(|container| *container.name == *CONTAINER);
    &init[..existing.unwrap_or_else(|| sidecar_index(pod))]
}

#[cfg(test)]
mod tests {
    use super::sidecar_index;

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
        ] {
            let containers: Vec<_> = init
                .split_whitespace()
                .map(|name| match name.strip_suffix('+') {
                    Some(name) => format!(r#"{{"name":"{name}","restartPolicy":"Always"}}"#),
                    None => format!(r#"{{"name":"{name}"}}"#),
                })
                .collect();
            let json = format!(r#"{{"spec":{{"initContainers":[{}]}}}}"#, containers.join(","));
            assert_eq!(sidecar_index(&serde_json::from_str(&json).unwrap()), index, "{init}");
        }
    }
}
