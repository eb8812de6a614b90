//! Serving certificate, replaced at run time: new connections use the new certificate.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::validity::Validity;
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::file_watcher::{FileContents, WatchedFile};

/// A certificate with its chain and its private key.
#[derive(Debug)]
pub struct ServingCert {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// Reason why a certificate and a key cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServingCertError {
    /// The certificate file is not valid PEM.
    #[error("failed to parse the certificate file: {0}")]
    Certificate(rustls_pki_types::pem::Error),
    /// The certificate file contains no certificate.
    #[error("certificate file contains no certificate")]
    NoCertificate,
    /// The certificate is not valid X.509.
    #[error("certificate is not valid X.509")]
    Validity,
    /// The key file is not valid PEM, or contains no key.
    #[error("failed to parse the private key file: {0}")]
    Key(rustls_pki_types::pem::Error),
    /// The key is of an unknown type, or belongs to another certificate.
    #[error("private key does not match the certificate: {0}")]
    Mismatch(rustls::Error),
}

impl ServingCert {
    /// Parses a PEM certificate followed by its chain, and its PEM key.
    ///
    /// # Errors
    ///
    /// Returns an error if either is invalid or they do not match.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, ServingCertError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(ServingCertError::Certificate)?;
        let leaf = chain.first().ok_or(ServingCertError::NoCertificate)?;
        let validity = Validity::of(leaf).ok_or(ServingCertError::Validity)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(ServingCertError::Key)?;
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(ServingCertError::Mismatch)?;
        Ok(Self { key: Arc::new(key), validity })
    }

    /// Parses the contents of [`files`].
    ///
    /// # Errors
    ///
    /// Returns the error of [`ServingCert::from_pem`].
    pub fn parse(contents: &FileContents) -> Result<Self, String> {
        let file = |index| contents.get(index).map(Vec::as_slice).unwrap_or_default();
        Self::from_pem(file(0), file(1)).map_err(|error| error.to_string())
    }

    /// Returns the last second at which the certificate is valid.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// Returns the first second at which the certificate is valid.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.validity.not_before
    }

    /// Returns the certificate followed by its chain.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }
}

/// Returns the certificate file and the key file to watch.
#[must_use]
pub fn files(certificate: PathBuf, key: PathBuf) -> Vec<WatchedFile> {
    vec![WatchedFile { flag: "--certificate", path: certificate }, WatchedFile { flag: "--key", path: key }]
}

/// Resolver of the current serving certificate, which may not exist yet.
#[derive(Debug, Default)]
pub struct CertResolver(ArcSwapOption<ServingCert>);

impl CertResolver {
    /// Replaces the certificate for new connections.
    pub fn replace(&self, cert: ServingCert) {
        self.0.store(Some(Arc::new(cert)));
    }

    /// Returns the current certificate, if there is one yet.
    #[must_use]
    pub fn current(&self) -> Option<Arc<ServingCert>> {
        self.0.load_full()
    }
}

impl ResolvesServerCert for CertResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|cert| Arc::clone(&cert.key))
    }
}
