//! A service mesh's proxy that starts after the sidecar: what the sidecar then needs to reach anything.

use std::collections::BTreeSet;

use rolebridge_core::identity::Identity;

use super::position;
use crate::mesh::Mesh;
use crate::settings::{Aws, Credentials};
use crate::{Pod, Settings};

/// What to say about a proxy that is no native sidecar.
pub(crate) fn warning(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let mesh = Mesh::with_classic_proxy(pod).filter(|_| settings.has_sidecar())?;
    let kept_in: Vec<_> = ports_out(settings)
        .into_iter()
        .filter(|port| !mesh.excludes_outbound_port(pod, *port))
        .map(|port| port.to_string())
        .collect();
    if kept_in.is_empty() {
        return None;
    }
    let Mesh { proxy, exclusion, .. } = mesh;
    let ports = kept_in.join(",");
    let fix = match pod.annotation(exclusion) {
        None => format!("set {exclusion}: \"{ports}\""),
        Some(_) => format!("add {ports} to {exclusion}"),
    };
    Some(if mesh.redirects(pod, position::before_sidecar(pod)) {
        format!(
            "The sidecar waits without a network, and the pod with it: the mesh redirects its calls to {proxy}, which \
             starts only after it. Make the proxy native, or {fix}."
        )
    } else {
        format!(
            "{proxy} is no native sidecar and starts after rolebridge's first token. If the mesh's CNI plugin is in \
             use, make the proxy native, or {fix}."
        )
    })
}

/// The ports that the sidecar calls: its proxy's, else those of the endpoints, and that of EKS's agent.
fn ports_out(settings: &Settings<'_>) -> BTreeSet<u16> {
    let agent = settings.aws.as_ref().and_then(|aws| match aws.credentials.value {
        Credentials::PodIdentity { uri } => Some(port(uri)),
        Credentials::Irsa { .. } => None,
    });
    let called = match &settings.sidecar.https_proxy {
        Some(proxy) => BTreeSet::from([port(&proxy.value)]),
        None => ports_of_endpoints(settings),
    };
    called.into_iter().chain(agent).collect()
}

fn ports_of_endpoints(settings: &Settings<'_>) -> BTreeSet<u16> {
    let Settings { identity, google, aws, .. } = settings;
    // With credentials of EKS's agent a request is signed without a call.
    let calls_sts = |aws: &&Aws<'_>| aws.role().is_some() || identity.value == Identity::AwsJwt;
    let of_aws = aws.as_ref().filter(calls_sts).map(|aws| aws.sts_endpoint);
    let of_google = settings.has_google_tokens().then_some([
        Some(google.sts_endpoint),
        google.service_account.map(|_| google.iam_credentials_endpoint),
    ]);
    let called = of_aws.into_iter().chain(of_google.into_iter().flatten().flatten());
    let urls = called.map(|endpoint| endpoint.map_or("https://", |endpoint| endpoint.value));
    // Plain HTTP goes to this host alone, which no mesh redirects.
    urls.filter(|url| url.starts_with("https:")).map(port).collect()
}

/// The port of `SCHEME://HOST` or `SCHEME://HOST:PORT`, perhaps with a path.
fn port(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let said = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
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
            ("http://[fd00:ec2::23]/v1/credentials", 80),
        ] {
            assert_eq!(port(url), wanted, "{url}");
        }
    }
}
