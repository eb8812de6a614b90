//! What is mended between the pod and the clouds.

use super::{Known, Mend};

pub(super) fn mend(reason: &str, known: &Known<'_>) -> Option<Mend> {
    let host = known.failed.facts.host.as_deref().unwrap_or("the host");
    let namespace = known.place.namespace;
    match reason {
        "connect" | "timeout" => Some(Mend::new(
            format!(
                "let the pod reach {host} on TCP port 443. A NetworkPolicy that lets it, beside what is there:"
            ),
            policy(namespace),
        )),
        "dns" => Some(Mend::new(
            format!(
                "see what the cluster's DNS says of {host}, and that a NetworkPolicy lets the pod reach port 53:"
            ),
            format!(
                "kubectl -n {namespace} run dns --rm -it --restart Never --image busybox -- nslookup {host}\n\
                 kubectl -n {namespace} get networkpolicies"
            ),
        )),
        "proxy" => Some(Mend::new(
            format!("let the proxy allow CONNECT {host}:443, or let the sidecar go around it:"),
            format!("rolebridge.io/no-proxy: {}", host.split(':').next().unwrap_or(host)),
        )),
        "untrusted" => Some(Mend::new(
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

fn policy(namespace: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\n\
         kind: NetworkPolicy\n\
         metadata:\n  name: to-the-clouds\n  namespace: {namespace}\n\
         spec:\n  podSelector: {{}}\n  policyTypes: [Egress]\n  egress:\n  - ports:\n    \
         - {{port: 443, protocol: TCP}}\n    - {{port: 53, protocol: UDP}}\n    - {{port: 53, protocol: TCP}}\n"
    )
}
