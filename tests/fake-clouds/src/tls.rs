//! The clouds' certificate authority and the server certificate that it signs.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls_pki_types::PrivateKeyDer;

/// A new CA and the TLS configuration of the listeners.
pub(crate) struct Tls {
    pub(crate) ca_pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

/// An error in the creation of the certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate for these names: one of them is not a host name.
    #[error("failed to create a certificate for the names {names:?}: {source}")]
    Certificate {
        /// The requested names.
        names: Vec<String>,
        /// The cause.
        source: rcgen::Error,
    },
    /// No TLS configuration.
    #[error("failed to configure TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Names in every certificate.
const DEFAULT_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Tls {
    pub(crate) fn for_names(names: &[String]) -> Result<Self, TlsError> {
        let names: Vec<String> =
            DEFAULT_NAMES.iter().map(|&name| name.to_owned()).chain(names.iter().cloned()).collect();
        let (ca_pem, chain, key) =
            issue_certificates(&names).map_err(|source| TlsError::Certificate { names, source })?;
        let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { ca_pem, server: Arc::new(server) })
    }
}

type IssuedCertificates = (String, rustls_pki_types::CertificateDer<'static>, PrivateKeyDer<'static>);

fn issue_certificates(names: &[String]) -> Result<IssuedCertificates, rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "Fake clouds CA");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut ca);
    let ca_key = KeyPair::generate()?;
    let ca_certificate = ca.self_signed(&ca_key)?;

    let mut leaf = CertificateParams::new(names.to_vec())?;
    leaf.distinguished_name.push(DnType::CommonName, "Fake clouds");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    set_validity(&mut leaf);
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &Issuer::new(ca, &ca_key))?;
    Ok((ca_certificate.pem(), certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

/// Sets a validity that covers any shifted clock and fits 32-bit clients.
fn set_validity(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2037, 1, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_host_name_is_rejected() {
        assert!(Tls::for_names(&["sts.eu-west-1.amazonaws.com".to_owned()]).is_ok());
        let error = Tls::for_names(&["ü.example".to_owned()]).err().unwrap().to_string();
        assert!(error.contains("ü.example"), "{error}");
    }
}
