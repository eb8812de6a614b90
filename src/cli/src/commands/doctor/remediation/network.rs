//! What is mended between the pod and the clouds.

use super::{PodEvidence, Remediation};

pub(super) fn remediation(reason: &str, known: &PodEvidence<'_>) -> Option<Remediation> {
    let host = known.failed.evidence.host.as_deref().unwrap_or("the host");
    let namespace = known.place.namespace;
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
    match reason {
        "connect" | "timeout" => Some(Remediation::new(
            format!(
                "let the pod reach {name} on TCP port {port}. A NetworkPolicy that lets it, beside what is there:"
            ),
            policy(namespace, port),
        )),
        "dns" => Some(Remediation::new(
            format!(
                "see what the cluster's DNS says of {name}, and that a NetworkPolicy lets the pod reach port 53:"
            ),
            format!(
                "kubectl -n {namespace} run dns --rm -it --restart Never --image busybox -- nslookup {name}\n\
                 kubectl -n {namespace} get networkpolicies"
            ),
        )),
        "proxy" => Some(Remediation::new(
            format!("let the proxy allow CONNECT {name}:{port}, or let the sidecar go around it:"),
            format!("rolebridge.io/no-proxy: {name}"),
        )),
        "untrusted" => Some(Remediation::new(
            format!(
                "somebody stands between the pod and {host}, most often your company's proxy. Give the sidecar its \
                 certificate authority:"
            ),
            format!(
                "kubectl -n {namespace} create configmap company-ca --from-file ca.crt\n\n\
                 rolebridge.io/ca-bundle: company-ca/ca.crt"
            ),
        )),
        _ => None,
    }
}

fn policy(namespace: &str, port: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\n\
         kind: NetworkPolicy\n\
         metadata:\n  name: to-the-clouds\n  namespace: {namespace}\n\
         spec:\n  podSelector: {{}}\n  policyTypes: [Egress]\n  egress:\n  - ports:\n    \
         - {{port: {port}, protocol: TCP}}\n    - {{port: 53, protocol: UDP}}\n    - {{port: 53, protocol: TCP}}\n"
    )
}
