//! Service meshes: their containers get no credentials, and their proxy must start before the sidecar.

use crate::view::{Container, ISTIO_EXCLUDED_PORTS, LINKERD_SKIPPED_PORTS, Pod};

/// A mesh, by the names that its injector uses in a pod.
pub(crate) struct Mesh {
    /// The proxy container.
    pub(crate) proxy: &'static str,
    /// The init container that redirects the pod's traffic to the proxy.
    init: &'static str,
    /// The init container used instead of `init` with the mesh's CNI plugin. The plugin redirects the traffic before any
    /// container starts, and this container only verifies that.
    validation: &'static str,
    /// The pod annotation with the ports that are excluded from the redirection of outbound traffic.
    pub(crate) excluded_ports: &'static str,
}

const MESHES: &[Mesh] = &[
    Mesh {
        proxy: "istio-proxy",
        init: "istio-init",
        validation: "istio-validation",
        excluded_ports: ISTIO_EXCLUDED_PORTS,
    },
    Mesh {
        proxy: "linkerd-proxy",
        init: "linkerd-init",
        validation: "linkerd-network-validator",
        excluded_ports: LINKERD_SKIPPED_PORTS,
    },
];

/// Returns true if the container belongs to a mesh.
pub(crate) fn owns(container: &Container<'_>) -> bool {
    MESHES.iter().any(|mesh| [mesh.init, mesh.validation, mesh.proxy].contains(&&*container.name))
}

/// Returns true if the container is a mesh's proxy.
pub(crate) fn is_proxy(container: &Container<'_>) -> bool {
    MESHES.iter().any(|mesh| *container.name == *mesh.proxy)
}

impl Mesh {
    /// Returns the mesh that has its proxy in an app container, which starts after the sidecar's first token.
    pub(crate) fn with_non_native_proxy(pod: &Pod<'_>) -> Option<&'static Self> {
        let has_proxy =
            |mesh: &&Self| pod.app_containers().iter().any(|container| *container.name == *mesh.proxy);
        MESHES.iter().find(has_proxy)
    }

    /// Returns true if the traffic of a container that starts after `earlier` is certainly redirected.
    pub(crate) fn redirects(&self, pod: &Pod<'_>, earlier: &[Container<'_>]) -> bool {
        earlier.iter().any(|container| *container.name == *self.init)
            || pod.init_containers().iter().any(|container| *container.name == *self.validation)
    }

    /// Returns true if the pod's annotation excludes the port from redirection. The list contains ports, and for Linkerd
    /// also ranges.
    pub(crate) fn excludes_outbound_port(&self, pod: &Pod<'_>, port: u16) -> bool {
        let includes = |entry: &str| {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            let bounds = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
            bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
        };
        pod.annotation(self.excluded_ports).is_some_and(|list| list.split(',').any(includes))
    }
}
