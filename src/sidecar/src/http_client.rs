//! How the clouds are reached. The AWS SDK's own client would trust the machine's roots, which an image without files
//! lacks, and knows no `AWS_CA_BUNDLE`; so the connector is built by hand: rustls with ring, compiled-in roots and a
//! company's own, the proxy of the environment. Nothing is read from the machine. Google is reached by the same one.
//!
//! One is built for each call and dropped after it. Tokens live for an hour, so neither the roots nor an idle connection
//! are worth their memory in between, and a bundle that was replaced is read.

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

use crate::fault::{Fault, Reason};
use crate::settings::Connection;

/// For DNS, TCP, the proxy and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the answer to begin.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What makes connections and requests.
///
/// # Errors
/// If a file of further roots cannot be read or holds no certificate.
pub fn connector(connection: &Connection) -> Result<SharedHttpConnector, Fault> {
    let tls = TlsContext::builder().with_trust_store(trust_store(connection)?).build();
    let tls = tls.map_err(|error| Fault::new(Reason::Tls, error.to_string()))?;
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
    Ok(SharedHttpConnector::new(connector))
}

fn proxy(connection: &Connection) -> Result<ProxyConfig, Fault> {
    let no_proxy = connection.no_proxy.as_deref().unwrap_or_default();
    // The connector's own matcher knows the star for names only, not for addresses.
    let is_for_nobody = no_proxy.split(',').any(|host| host.trim() == "*");
    let Some(url) = connection.proxy.as_ref().filter(|_| !is_for_nobody) else {
        return Ok(ProxyConfig::disabled());
    };
    // The error would repeat the URL, and so its password.
    let proxy = ProxyConfig::https(url.expose());
    let proxy = proxy.map_err(|_| Fault::new(Reason::Proxy, "its URL cannot be used"))?;
    Ok(proxy.no_proxy(no_proxy))
}

fn trust_store(connection: &Connection) -> Result<TrustStore, Fault> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        push_pem(&mut pem, root);
    }
    for (variable, path) in &connection.roots {
        let bad = |why: &str| Fault::new(Reason::BadRoots, format!("{variable}={}: {why}", path.display()));
        let content = std::fs::read(path).map_err(|error| bad(&error.to_string()))?;
        let roots = usable(&content);
        if roots.is_empty() {
            return Err(bad("no usable certificate in it"));
        }
        for root in &roots {
            push_pem(&mut pem, root);
        }
    }
    Ok(TrustStore::empty().with_pem_certificate(pem))
}

/// The certificates that can be roots. The connector would panic on any other, and bundles hold odd ones.
fn usable(content: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(content).filter_map(Result::ok);
    certificates.filter(|certificate| store.add(certificate.clone()).is_ok()).collect()
}

/// The trust store takes PEM alone.
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

        /// The client reads its URL as the settings do: another host would be asked in the proxy's place.
        #[test]
        fn a_proxy_that_the_settings_take_can_be_used(
            user in "[ -~]{0,8}",
            host in "proxy|10\\.0\\.0\\.1|\\[fd00::1\\]",
            port in "(:[0-9]{1,5})?/?",
        ) {
            let url = format!("http://{user}@{host}{port}");
            let Ok(url) = parse::proxy(&url) else { return Ok(()) };
            prop_assert!(ProxyConfig::https(url).is_ok(), "{}", url);
            let read: http::Uri = url.parse().unwrap();
            prop_assert_eq!(read.host(), Some(&*host));
            let (before, _) = read.authority().unwrap().as_str().split_once('@').unwrap();
            prop_assert_eq!(before, &user);
        }

        #[test]
        fn an_endpoint_or_agent_that_the_settings_take_can_be_asked(
            scheme in "https?",
            host in "[a-z0-9.-]{1,8}|127\\.0\\.0\\.1|169\\.254\\.170\\.23|\\[::1\\]|\\[fd00:ec2::23\\]",
            port in "(:[0-9]{1,5})?",
            path in "(/[ -~]{0,8})?",
        ) {
            let url = format!("{scheme}://{host}{port}{path}");
            for url in [parse::endpoint(&url), parse::pod_identity_uri(&url)].into_iter().flatten() {
                prop_assert!(HttpRequest::empty().set_uri(url).is_ok(), "{}", url);
                let read: http::Uri = url.parse().unwrap();
                prop_assert_eq!(read.host(), Some(&*host));
            }
        }
    }

    #[test]
    fn every_compiled_in_root_is_usable() {
        let mut pem = String::new();
        for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
            push_pem(&mut pem, root);
        }
        assert_eq!(usable(pem.as_bytes()).len(), webpki_root_certs::TLS_SERVER_ROOT_CERTS.len());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_said_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n")
            .unwrap();
        let connection =
            Connection { roots: vec![("AWS_CA_BUNDLE", file.path().to_owned())], ..Connection::default() };
        let fault = trust_store(&connection).unwrap_err();
        assert_eq!(fault.reason(), Reason::BadRoots);
        assert!(fault.to_string().contains("AWS_CA_BUNDLE=/"), "{fault}");
    }
}
