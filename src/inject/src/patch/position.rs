//! Where the sidecar stands among the init containers.

use rolebridge_core::pod_names::CONTAINER;

use crate::view::Container;
use crate::{Pod, mesh};

/// The first place, so that init containers and the app start after the first token. One exception: after a service
/// mesh's native proxy and its other init containers, since with a mesh's CNI plugin nothing before the proxy has a
/// network, and a sidecar that waits there would stop the proxy from ever starting.
///
/// A proxy that is not native starts after every init container anyway; before `istio-init`, which then stands last,
/// the sidecar still has the pod's plain network.
pub(crate) fn of_sidecar(pod: &Pod<'_>) -> usize {
    let init = pod.init_containers();
    let has_native_proxy = init.iter().any(|one| mesh::is_proxy(one) && one.restarts_always());
    let last = init.iter().rposition(mesh::owns).filter(|_| has_native_proxy);
    last.map_or(0, |last| last + 1)
}

/// The init containers that start before the sidecar, be it in the pod already or not.
pub(crate) fn before_sidecar<'a>(pod: &'a Pod<'_>) -> &'a [Container<'a>] {
    let init = pod.init_containers();
    let standing = init.iter().position(|one| *one.name == *CONTAINER);
    &init[..standing.unwrap_or_else(|| of_sidecar(pod))]
}

#[cfg(test)]
mod tests {
    use super::of_sidecar;

    #[test]
    fn after_a_native_proxy_else_first() {
        for (init, place) in [
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
            assert_eq!(of_sidecar(&serde_json::from_str(&json).unwrap()), place, "{init}");
        }
    }
}
