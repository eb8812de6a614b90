//! Service meshes: their containers get no credentials, and their proxy must start before the sidecar.

use crate::Pod;
use crate::view::Container;

/// A mesh's proxy and the pod annotation that lets traffic past it.
pub(crate) struct Proxy {
    pub(crate) container: &'static str,
    pub(crate) exclusion: &'static str,
}

const PROXIES: &[Proxy] = &[
    Proxy { container: "istio-proxy", exclusion: "traffic.sidecar.istio.io/excludeOutboundPorts" },
    Proxy { container: "linkerd-proxy", exclusion: "config.linkerd.io/skip-outbound-ports" },
];

const INIT_CONTAINERS: &[&str] =
    &["istio-init", "istio-validation", "linkerd-init", "linkerd-network-validator"];

/// Whether a container is a mesh's own.
pub(crate) fn owns(container: &Container<'_>) -> bool {
    INIT_CONTAINERS.contains(&&*container.name) || proxy(container).is_some()
}

/// The mesh's proxy that a container is.
pub(crate) fn proxy(container: &Container<'_>) -> Option<&'static Proxy> {
    PROXIES.iter().find(|proxy| *container.name == *proxy.container)
}

/// The proxy that starts only with the app, and so after the sidecar's first token.
pub(crate) fn late_proxy(pod: &Pod<'_>) -> Option<&'static Proxy> {
    pod.app_containers().iter().find_map(proxy)
}
