//! Remediations for the network between the pod and the clouds.

use crate::commands::doctor::diagnosis::Remediation;
use crate::commands::doctor::remediation::evidence::{Host, PodEvidence};
use crate::output::quote::{shell, yaml};

pub(super) fn remediation(reason: &str, evidence: &PodEvidence<'_>) -> Option<Remediation> {
    let host = evidence.failed_host();
    let Host { name, port } = host.unwrap_or(Host { name: "HOST", port: "443" });
    let namespace = evidence.account().namespace;
    match reason {
        "connect" | "timeout" => Some(Remediation::new(
            format!(
                "allow the pod to reach {name} on TCP port {port}, for example with this additional NetworkPolicy:"
            ),
            policy(namespace, port),
        )),
        "dns" => Some(Remediation::new(
            format!(
                "check that the cluster's DNS resolves {name}, and that no NetworkPolicy blocks port 53:"
            ),
            format!(
                "kubectl -n {namespace} run dns --rm -it --restart Never --image busybox -- nslookup {}\n\
                 kubectl -n {namespace} get networkpolicies",
                shell(name),
                namespace = shell(namespace),
            ),
        )),
        "proxy" => Some(Remediation::new(
            format!("configure the proxy to allow CONNECT {name}:{port}, or exempt the host from the proxy:"),
            format!("rolebridge.io/no-proxy: {}", yaml(name)),
        )),
        "untrusted" => Some(Remediation::new(
            format!(
                "add the certificate authority of the TLS-intercepting proxy between the pod and {name}, usually the \
                 company's, to the sidecar's TLS roots, and recreate the pod:"
            ),
            // By default, pods and service accounts may not set it: it is locked. The namespace always may.
            format!(
                "kubectl -n {namespace} create configmap company-ca --from-file ca.crt\n\
                 kubectl annotate namespace {namespace} rolebridge.io/ca-bundle=company-ca/ca.crt",
                namespace = shell(namespace)
            ),
        )),
        _ => None,
    }
}

fn policy(namespace: &str, port: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\n\
         kind: NetworkPolicy\n\
         metadata:\n  name: to-the-clouds\n  namespace: {}\n\
         spec:\n  podSelector: {{}}\n  policyTypes: [Egress]\n  egress:\n  - ports:\n    \
         - {{port: {port}, protocol: TCP}}\n    - {{port: 53, protocol: UDP}}\n    - {{port: 53, protocol: TCP}}\n",
        yaml(namespace)
    )
}
