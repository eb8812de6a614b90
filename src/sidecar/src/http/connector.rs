//! The connector for AWS and Google.
//!
//! The AWS SDK's own client trusts the system's root certificates, which an image without files lacks, and ignores
//! `AWS_CA_BUNDLE`. This connector is built by hand: rustls with ring, compiled-in roots, the company's CA bundles and the
//! proxy of the environment. It reads nothing else from the system.
//!
//! A connector is built for each call and dropped after it. Tokens are valid for an hour, so keeping roots and idle
//! connections in memory is not worthwhile, and a replaced CA bundle is read again.

use std::time::Duration;

use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::response_guard::ResponseGuard;
use crate::error::{Error, ErrorKind};
use crate::regular_file::{self, Symlink};
use crate::settings::Connection;

/// The time limit for DNS, TCP, the proxy and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for the first byte of the response.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a CA bundle. A ConfigMap has up to 1 MiB, and all public roots are a quarter of that.
const MAX_CA_BUNDLE_BYTES: u64 = 4 * 1024 * 1024;

/// Creates a connector.
///
/// # Errors
/// Returns an error if a CA bundle cannot be read or contains no certificate.
pub fn connector(connection: &Connection) -> Result<SharedHttpConnector, Error> {
    #[cfg(fuzzing)]
    if let Some(connector) = crate::fuzzing::network() {
        return Ok(SharedHttpConnector::new(ResponseGuard(connector)));
    }
    let tls = TlsContext::builder().with_trust_store(trust_store(connection)?).build();
    let tls = tls.map_err(|error| Error::new(ErrorKind::Tls, error.to_string()))?;
    let timeouts =
        HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(READ_TIMEOUT).build();
    let connector = Connector::builder()
        .connector_settings(timeouts)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .pool_max_idle_per_host(0)
        .proxy_config(proxy(connection)?)
        .tls_provider(Provider::rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build();
    Ok(SharedHttpConnector::new(ResponseGuard(SharedHttpConnector::new(connector))))
}

fn proxy(connection: &Connection) -> Result<ProxyConfig, Error> {
    let no_proxy = connection.no_proxy.as_deref().unwrap_or_default();
    // The connector's own matcher applies the star to names only, not to addresses.
    let bypasses_all = no_proxy.split(',').any(|host| host.trim() == "*");
    let Some(url) = connection.proxy.as_ref().filter(|_| !bypasses_all) else {
        return Ok(ProxyConfig::disabled());
    };
    // The connector's error would contain the URL, and so its password.
    let proxy = ProxyConfig::https(url.expose());
    let proxy = proxy.map_err(|_| Error::new(ErrorKind::Proxy, "the proxy's URL is invalid"))?;
    Ok(proxy.no_proxy(no_proxy))
}

fn trust_store(connection: &Connection) -> Result<TrustStore, Error> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        push_pem(&mut pem, root);
    }
    for (variable, path) in &connection.ca_bundles {
        let invalid = |problem: &str| {
            Error::new(ErrorKind::InvalidCaBundle, format!("{variable}={}: {problem}", path.display()))
        };
        let content = regular_file::read(path, Symlink::Follow, MAX_CA_BUNDLE_BYTES);
        let content = content.map_err(|error| invalid(&error.to_string()))?;
        let roots = parse_roots(&content);
        if roots.is_empty() {
            return Err(invalid("no usable certificate found"));
        }
        for root in &roots {
            push_pem(&mut pem, root);
        }
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

/// Returns the certificates that can be roots. The connector panics on any other, and CA bundles may contain such.
fn parse_roots(content: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(content).filter_map(Result::ok);
    certificates.filter(|certificate| store.add(certificate.clone()).is_ok()).collect()
}

/// Appends a certificate as PEM, which is the only form that the trust store accepts.
fn push_pem(pem: &mut String, certificate: &[u8]) {
    pem.push_str("-----BEGIN CERTIFICATE-----\n");
    pem.push_str(&aws_smithy_types::base64::encode(certificate));
    pem.push_str("\n-----END CERTIFICATE-----\n");
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use proptest::prelude::*;
    use rolebridge_core::parse;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The client must parse the URL like the settings: otherwise it would connect to another host.
        #[test]
        fn proxy_that_the_settings_accept_is_usable(
            user in "[ -~]{0,8}",
            host in "proxy|10\\.0\\.0\\.1|\\[fd00::1\\]",
            port in "(:[0-9]{1,5})?/?",
        ) {
            let url = format!("http://{user}@{host}{port}");
            let Ok(url) = parse::proxy(&url) else { return Ok(()) };
            prop_assert!(ProxyConfig::https(url).is_ok(), "{}", url);
            let parsed: http::Uri = url.parse().unwrap();
            prop_assert_eq!(parsed.host(), Some(&*host));
            let (userinfo, _) = parsed.authority().unwrap().as_str().split_once('@').unwrap();
            prop_assert_eq!(userinfo, &user);
        }

        #[test]
        fn endpoint_or_agent_uri_that_the_settings_accept_is_usable(
            scheme in "https?",
            host in "[a-z0-9.-]{1,8}|127\\.0\\.0\\.1|169\\.254\\.170\\.23|\\[::1\\]|\\[fd00:ec2::23\\]",
            port in "(:[0-9]{1,5})?",
            path in "(/[ -~]{0,8})?",
        ) {
            let url = format!("{scheme}://{host}{port}{path}");
            for url in [parse::endpoint(&url), parse::pod_identity_uri(&url)].into_iter().flatten() {
                prop_assert!(HttpRequest::empty().set_uri(url).is_ok(), "{}", url);
                let parsed: http::Uri = url.parse().unwrap();
                prop_assert_eq!(parsed.host(), Some(&*host));
            }
        }
    }

    #[test]
    fn every_compiled_in_root_is_usable() {
        let mut pem = String::new();
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            push_pem(&mut pem, root);
        }
        assert_eq!(parse_roots(pem.as_bytes()).len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    }

    #[test]
    fn ca_bundle_without_a_certificate_is_named_in_the_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
            .unwrap();
        let ca_bundles = vec![("AWS_CA_BUNDLE", file.path().to_owned())];
        let error = trust_store(&Connection { ca_bundles, ..Connection::default() }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCaBundle);
        assert!(error.to_string().contains("AWS_CA_BUNDLE=/"), "{error}");
    }
}
