//! Service meshes: their containers get no credentials, and their proxy must start before the sidecar.

use crate::Pod;
use crate::view::Container;

/// A mesh, as its injector leaves it in a pod.
pub(crate) struct Mesh {
    /// The proxy.
    pub(crate) proxy: &'static str,
    /// The init container that redirects the pod's traffic to the proxy.
    init: &'static str,
    /// The init container in its stead where the mesh's CNI plugin has redirected the traffic before any container
    /// starts: it checks that.
    validation: &'static str,
    /// The pod annotation that lists ports whose outbound traffic is not redirected.
    pub(crate) exclusion: &'static str,
}

const MESHES: &[Mesh] = &[
    Mesh {
        proxy: "istio-proxy",
        init: "istio-init",
        validation: "istio-validation",
        exclusion: "traffic.sidecar.istio.io/excludeOutboundPorts",
    },
    Mesh {
        proxy: "linkerd-proxy",
        init: "linkerd-init",
        validation: "linkerd-network-validator",
        exclusion: "config.linkerd.io/skip-outbound-ports",
    },
];

/// Whether a pod's annotation is one that [`Mesh::excludes_outbound_port`] asks for.
pub(crate) fn is_exclusion(key: &str) -> bool {
    MESHES.iter().any(|mesh| key == mesh.exclusion)
}

/// Whether a container is a mesh's own.
pub(crate) fn owns(container: &Container<'_>) -> bool {
    MESHES.iter().any(|mesh| [mesh.init, mesh.validation, mesh.proxy].contains(&&*container.name))
}

/// Whether a container is a mesh's proxy.
pub(crate) fn is_proxy(container: &Container<'_>) -> bool {
    MESHES.iter().any(|mesh| *container.name == *mesh.proxy)
}

impl Mesh {
    /// The mesh whose proxy starts only with the app, and so after the sidecar's first token.
    pub(crate) fn with_classic_proxy(pod: &Pod<'_>) -> Option<&'static Self> {
        let has = |mesh: &&Self| pod.app_containers().iter().any(|one| *one.name == *mesh.proxy);
        MESHES.iter().find(has)
    }

    /// Whether the traffic of a container that starts after these is redirected for certain.
    pub(crate) fn redirects(&self, pod: &Pod<'_>, before: &[Container<'_>]) -> bool {
        before.iter().any(|one| *one.name == *self.init)
            || pod.init_containers().iter().any(|one| *one.name == *self.validation)
    }

    /// Whether the pod's annotation lets traffic to a port past the proxy: it lists ports, Linkerd's ranges too.
    pub(crate) fn excludes_outbound_port(&self, pod: &Pod<'_>, port: u16) -> bool {
        let listed = |entry: &str| {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            let bounds = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
            bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
        };
        pod.annotation(self.exclusion).is_some_and(|list| list.split(',').any(listed))
    }
}
