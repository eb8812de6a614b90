//! TLS configuration: versions 1.2 and 1.3, HTTP/2 and HTTP/1.1, ring.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};

use crate::http::cert_resolver::CertResolver;

/// Builds the server configuration. Each handshake uses the resolver's current certificate.
///
/// # Errors
///
/// Returns an error if ring lacked cipher suites for these versions; it has them.
pub fn config(resolver: Arc<CertResolver>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
