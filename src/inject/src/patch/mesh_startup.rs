//! Warns about a mesh proxy that starts after the sidecar, so the sidecar may have no network.

use std::collections::BTreeSet;

use rolebridge_core::identity::Identity;

use super::position;
use crate::mesh::Mesh;
use crate::settings::{Aws, Credentials, Setting, Settings};
use crate::view::Pod;

/// Returns a warning if the mesh's proxy is not a native sidecar.
pub(crate) fn warning(pod: &Pod<'_>, settings: &Settings<'_>) -> Option<String> {
    let mesh = Mesh::with_non_native_proxy(pod).filter(|_| settings.has_sidecar())?;
    let redirected: Vec<_> = outbound_ports(settings)
        .into_iter()
        .filter(|port| !mesh.excludes_outbound_port(pod, *port))
        .map(|port| port.to_string())
        .collect();
    if redirected.is_empty() {
        return None;
    }
    let proxy = mesh.proxy;
    let ports = redirected.join(",");
    let Some(excluded_ports) = mesh.excluded_ports else {
        return Some(format!(
            "{proxy} is not a native sidecar and starts after Rolebridge's first token. Fix: if the pod has no network \
             before it, make it a native sidecar."
        ));
    };
    let fix = match pod.annotation(excluded_ports) {
        None => format!("set {excluded_ports}: \"{ports}\""),
        Some(_) => format!("add {ports} to {excluded_ports}"),
    };
    Some(if mesh.redirects(pod, position::before_sidecar(pod, &settings.containers)) {
        format!(
            "The pod will not start: the mesh redirects the sidecar's traffic to {proxy}, which starts after it. Fix: make \
             the proxy a native sidecar, or {fix}."
        )
    } else {
        format!(
            "{proxy} is not a native sidecar and starts after Rolebridge's first token. Fix: if the mesh uses a CNI plugin, \
             make the proxy a native sidecar, or {fix}."
        )
    })
}

/// Returns the ports that the sidecar calls: its proxy's, else those of the endpoints, and that of EKS's agent.
fn outbound_ports(settings: &Settings<'_>) -> BTreeSet<u16> {
    let agent = settings.aws.as_ref().and_then(|aws| match aws.credentials.value {
        Credentials::PodIdentity { uri } => Some(port(uri)),
        Credentials::Irsa { .. } => None,
    });
    let called = match &settings.sidecar.https_proxy {
        Some(proxy) => BTreeSet::from([port(&proxy.value)]),
        None => endpoint_ports(settings),
    };
    called.into_iter().chain(agent).collect()
}

/// The ports of an endpoint that is not set.
const DEFAULT_ENDPOINT: &str = "https://";

fn endpoint_ports(settings: &Settings<'_>) -> BTreeSet<u16> {
    let Settings { identity, google, aws, .. } = settings;
    // With credentials from EKS's agent, signing needs no call.
    let calls_sts = |aws: &&Aws<'_>| aws.role().is_some() || identity.value == Identity::AwsJwt;
    let aws_endpoints = aws.as_ref().filter(calls_sts).map(|aws| aws.sts_endpoint);
    let sts = google.sts_endpoints.as_ref().map_or(&[DEFAULT_ENDPOINT][..], |setting| &setting.value);
    let iam_credentials = google.service_accounts.as_ref().map(|_| google.iam_credentials_endpoint);
    let google_urls = sts.iter().copied().chain(iam_credentials.map(url));
    let google_urls = google_urls.filter(|_| settings.has_google_tokens());
    // Plain HTTP is only allowed to the pod itself, and no mesh redirects that.
    let urls = aws_endpoints.map(url).into_iter().chain(google_urls);
    urls.filter(|url| url.starts_with("https:")).map(port).collect()
}

fn url(endpoint: Option<Setting<&str>>) -> &str {
    endpoint.map_or(DEFAULT_ENDPOINT, |endpoint| endpoint.value)
}

/// Returns the port of `SCHEME://HOST` or `SCHEME://HOST:PORT`, with an optional path.
fn port(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let explicit = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    explicit.unwrap_or(if scheme == "http" { 80 } else { 443 })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::port;

    #[rstest]
    #[case("https://", 443)]
    #[case("https://sts.example.internal", 443)]
    #[case("https://sts.example.internal:8443", 8443)]
    #[case("https://[fd00::1]", 443)]
    #[case("https://[fd00::1]:8443", 8443)]
    #[case("http://user:secret@proxy:3128/", 3128)]
    #[case("http://user:1@proxy", 80)]
    #[case("http://[fd00:ec2::23]/v1/credentials", 80)]
    fn port_without_a_number_depends_on_the_scheme(#[case] url: &str, #[case] expected: u16) {
        assert_eq!(port(url), expected);
    }
}
