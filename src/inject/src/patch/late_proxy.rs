//! A service mesh's proxy that starts after the sidecar: what the sidecar then needs to reach anything.

use std::collections::BTreeSet;

use super::place;
use crate::mesh::Mesh;
use crate::{Pod, Settings};

/// What to say about a proxy that is no native sidecar.
pub(super) fn warning(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let mesh = Mesh::with_late_proxy(pod)?;
    let kept_in: Vec<_> = ports_out(settings)
        .into_iter()
        .filter(|port| !mesh.lets_out(pod, *port))
        .map(|port| port.to_string())
        .collect();
    if kept_in.is_empty() {
        return None;
    }
    let Mesh { proxy, exclusion, .. } = mesh;
    let ports = kept_in.join(",");
    let mend = match pod.annotation(exclusion) {
        None => format!("set {exclusion}: \"{ports}\""),
        Some(_) => format!("add {ports} to {exclusion}"),
    };
    Some(if mesh.redirects(pod, place::before_sidecar(pod)) {
        format!(
            "The sidecar waits without a network, and the pod with it: the mesh redirects its calls to {proxy}, which \
             starts only after it. Make the proxy native, or {mend}."
        )
    } else {
        format!(
            "{proxy} is no native sidecar and starts after rolebridge's first token. If the mesh's CNI plugin is in \
             use, make the proxy native, or {mend}."
        )
    })
}

/// The ports that the sidecar calls: its proxy's, else those of the endpoints.
fn ports_out(settings: &Settings<'_>) -> BTreeSet<u16> {
    if let Some(proxy) = &settings.sidecar.https_proxy {
        return BTreeSet::from([port(&proxy.value)]);
    }
    let sts = settings.aws.sts_endpoint.map_or("https://", |endpoint| endpoint.value);
    // Plain HTTP goes to this host alone, which no mesh redirects.
    [sts].into_iter().filter(|endpoint| endpoint.starts_with("https:")).map(port).collect()
}

/// The port of `SCHEME://HOST` or `SCHEME://HOST:PORT`.
fn port(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let said = rest.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    said.unwrap_or(if scheme == "http" { 80 } else { 443 })
}

#[cfg(test)]
mod tests {
    use super::port;

    #[test]
    fn ports() {
        for (url, wanted) in [
            ("https://", 443),
            ("https://sts.example.internal", 443),
            ("https://sts.example.internal:8443", 8443),
            ("https://[fd00::1]", 443),
            ("https://[fd00::1]:8443", 8443),
            ("http://user:secret@proxy:3128/", 3128),
            ("http://user:1@proxy", 80),
        ] {
            assert_eq!(port(url), wanted, "{url}");
        }
    }
}
