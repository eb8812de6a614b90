//! Networks that a container of the pod provides: service meshes and VPNs. Their containers get no credentials, and their
//! proxy must start before the sidecar.
//!
//! The names are those that the injectors use. Sources: `injection-template.yaml` of istio/istio, `_proxy.tpl` of
//! linkerd/linkerd2, `pkg/plugins/runtime/k8s/util` of kumahq/kuma (also Kong Mesh), `control-plane/connect-inject/webhook`
//! of hashicorp/consul-k8s, and `internal/webhook` of netbirdio/kubernetes-operator.

use crate::view::{
    CONSUL_EXCLUDED_PORTS, Container, ISTIO_EXCLUDED_PORTS, KUMA_EXCLUDED_PORTS, LINKERD_SKIPPED_PORTS, Pod,
    SecurityContext,
};

/// A network, by the names that its injector uses in a pod.
pub(crate) struct Mesh {
    /// The proxy container.
    pub(crate) proxy: &'static str,
    /// The init container that redirects the pod's traffic to the proxy.
    init: Option<&'static str>,
    /// The init container used instead of `init` with the mesh's CNI plugin. The plugin redirects the traffic before any
    /// container starts, and this container only verifies that.
    validation: Option<&'static str>,
    /// A container for the mesh's own debugging.
    debug: Option<&'static str>,
    /// The pod annotation with the ports that are excluded from the redirection of outbound traffic.
    pub(crate) excluded_ports: Option<&'static str>,
    /// True if there may be several of each container, with a suffix.
    has_suffixes: bool,
}

const MESHES: &[Mesh] = &[
    Mesh {
        proxy: "istio-proxy",
        init: Some("istio-init"),
        validation: Some("istio-validation"),
        debug: Some("enable-core-dump"),
        excluded_ports: Some(ISTIO_EXCLUDED_PORTS),
        has_suffixes: false,
    },
    Mesh {
        proxy: "linkerd-proxy",
        init: Some("linkerd-init"),
        validation: Some("linkerd-network-validator"),
        debug: Some("linkerd-debug"),
        excluded_ports: Some(LINKERD_SKIPPED_PORTS),
        has_suffixes: false,
    },
    Mesh {
        proxy: "kuma-sidecar",
        init: Some("kuma-init"),
        validation: Some("kuma-validation"),
        debug: None,
        excluded_ports: Some(KUMA_EXCLUDED_PORTS),
        has_suffixes: false,
    },
    // A pod with several ports may have a proxy for each service.
    Mesh {
        proxy: "consul-dataplane",
        init: Some("consul-connect-inject-init"),
        validation: None,
        debug: None,
        excluded_ports: Some(CONSUL_EXCLUDED_PORTS),
        has_suffixes: true,
    },
    Mesh {
        proxy: "netbird",
        init: None,
        validation: None,
        debug: None,
        excluded_ports: None,
        has_suffixes: false,
    },
];

/// Returns true if the container belongs to a mesh.
pub(crate) fn owns(container: &Container<'_>) -> bool {
    let names = |mesh: &'static Mesh| {
        [Some(mesh.proxy), mesh.init, mesh.validation, mesh.debug].into_iter().flatten()
    };
    MESHES.iter().any(|mesh| names(mesh).any(|name| mesh.is_named(container, name)))
}

/// Returns true if the container is a mesh's proxy.
pub(crate) fn is_proxy(container: &Container<'_>) -> bool {
    MESHES.iter().any(|mesh| mesh.is_named(container, mesh.proxy))
}

/// Words in the names of containers that may provide the pod's network.
const NETWORK_WORDS: &[&str] =
    &["proxy", "envoy", "mesh", "dataplane", "vpn", "wireguard", "tailscale", "zerotier", "nebula", "tunnel"];
/// Words in the names of proxies for single programs, through which the pod's other traffic does not go.
const PROGRAM_WORDS: &[&str] = &["sql", "alloydb", "rbac", "auth", "pgbouncer", "haproxy", "nginx", "squid"];

/// Returns true if an unknown native sidecar looks like one that provides the pod's network: it may change the network, or
/// its name or image says so.
pub(crate) fn resembles_proxy(container: &Container<'_>) -> bool {
    let image = container.image.as_deref().unwrap_or_default();
    let image = image.rsplit('/').next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| container.name.contains(word) || image.contains(word));
    let may_change_network = container.security_context.as_ref().is_some_and(SecurityContext::adds_net_admin);
    container.restarts_always() && (may_change_network || has(NETWORK_WORDS) && !has(PROGRAM_WORDS))
}

impl Mesh {
    /// Returns the mesh that has its proxy in an app container, which starts after the sidecar's first token.
    pub(crate) fn with_non_native_proxy(pod: &Pod<'_>) -> Option<&'static Self> {
        let has_proxy =
            |mesh: &&Self| pod.app_containers().iter().any(|container| mesh.is_named(container, mesh.proxy));
        MESHES.iter().find(has_proxy)
    }

    /// Returns true if the traffic of a container that starts after `earlier` is certainly redirected.
    pub(crate) fn redirects<'a>(
        &self,
        pod: &Pod<'_>,
        mut earlier: impl Iterator<Item = &'a Container<'a>>,
    ) -> bool {
        let is = |container: &Container<'_>, name: Option<&str>| {
            name.is_some_and(|name| self.is_named(container, name))
        };
        earlier.any(|container| is(container, self.init))
            || pod.init_containers().iter().any(|container| is(container, self.validation))
    }

    /// Returns true if the pod's annotation excludes the port from redirection. The list contains ports, and for some meshes
    /// also ranges.
    pub(crate) fn excludes_outbound_port(&self, pod: &Pod<'_>, port: u16) -> bool {
        let includes = |entry: &str| {
            let (first, last) = entry.split_once('-').unwrap_or((entry, entry));
            let bounds = first.trim().parse::<u16>().ok().zip(last.trim().parse::<u16>().ok());
            bounds.is_some_and(|(first, last)| (first..=last).contains(&port))
        };
        let list = self.excluded_ports.and_then(|annotation| pod.annotation(annotation));
        list.is_some_and(|list| list.split(',').any(includes))
    }

    fn is_named(&self, container: &Container<'_>, name: &str) -> bool {
        let rest = container.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || self.has_suffixes && rest.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{owns, resembles_proxy};
    use crate::view::Container;

    #[rstest]
    #[case::kuma("kuma-sidecar", true)]
    #[case::kuma_with_cni("kuma-validation", true)]
    #[case::consul("consul-connect-inject-init", true)]
    #[case::consul_of_a_service("consul-dataplane-admin", true)]
    #[case::netbird("netbird", true)]
    #[case::istio_core_dumps("enable-core-dump", true)]
    #[case::linkerd_debug("linkerd-debug", true)]
    #[case::similar_name("istio-proxy-exporter", false)]
    #[case::program("consul-template", false)]
    fn mesh_owns_its_containers(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(owns(&serde_json::from_str(&format!(r#"{{"name":"{name}"}}"#)).unwrap()), expected);
    }

    const NATIVE: &str = r#""restartPolicy":"Always""#;

    #[rstest]
    #[case::by_name(r#""name":"acme-proxy""#, NATIVE, true)]
    #[case::by_image(r#""name":"side","image":"registry.example.com/envoyproxy/envoy:1""#, NATIVE, true)]
    #[case::registry(r#""name":"side","image":"proxy.example.com/shop/side:1""#, NATIVE, false)]
    #[case::by_capability(
        r#""name":"side","securityContext":{"capabilities":{"add":["CHOWN","NET_ADMIN"]}}"#,
        NATIVE,
        true
    )]
    #[case::other_capability(
        r#""name":"side","securityContext":{"capabilities":{"add":["CHOWN"]}}"#,
        NATIVE,
        false
    )]
    #[case::database(r#""name":"cloud-sql-proxy""#, NATIVE, false)]
    #[case::not_native(r#""name":"acme-proxy""#, r#""command":[]"#, false)]
    #[case::other(r#""name":"vault-agent""#, NATIVE, false)]
    fn resembles_proxy_by_name_image_and_capability(
        #[case] fields: &str,
        #[case] policy: &str,
        #[case] expected: bool,
    ) {
        let json = format!("{{{fields},{policy}}}");
        let container: Container<'_> = serde_json::from_str(&json).unwrap();
        assert_eq!(resembles_proxy(&container), expected);
    }
}
