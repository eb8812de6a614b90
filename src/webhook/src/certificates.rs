//! The certificate that is served, replaced under live connections: a new one holds for new connections.

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

use crate::watch_files::{Contents, File};

/// A certificate with its chain and key, which belong together.
#[derive(Debug)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    validity: Validity,
}

/// Why a certificate and a key cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The certificate file is not PEM, or holds something broken.
    #[error("the certificate file holds no readable certificate: {0}")]
    Certificate(rustls_pki_types::pem::Error),
    /// The certificate file holds other things.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// When it ends cannot be read.
    #[error("the certificate is not a readable X.509 certificate")]
    Validity,
    /// The key file is not PEM, or holds no key.
    #[error("the key file holds no readable private key: {0}")]
    Key(rustls_pki_types::pem::Error),
    /// The key is of an unknown kind, or another certificate's.
    #[error("the key does not belong to the certificate: {0}")]
    Mismatch(rustls::Error),
}

impl Pair {
    /// Reads a PEM certificate, its chain after it, and its PEM key.
    ///
    /// # Errors
    ///
    /// Either is broken, or they do not belong together.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, PairError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(PairError::Certificate)?;
        let leaf = chain.first().ok_or(PairError::NoCertificate)?;
        let validity = Validity::of(leaf).ok_or(PairError::Validity)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(PairError::Key)?;
        let key =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(PairError::Mismatch)?;
        Ok(Self { key: Arc::new(key), validity })
    }

    /// Reads the two files' contents.
    ///
    /// # Errors
    ///
    /// As of [`Pair::from_pem`].
    pub fn parse(contents: &Contents) -> Result<Self, String> {
        let file = |index| contents.get(index).map(Vec::as_slice).unwrap_or_default();
        Self::from_pem(file(0), file(1)).map_err(|error| error.to_string())
    }

    /// The last second at which the certificate is valid.
    #[must_use]
    pub const fn not_after(&self) -> Timestamp {
        self.validity.not_after
    }

    /// The first second at which the certificate is valid.
    #[must_use]
    pub const fn not_before(&self) -> Timestamp {
        self.validity.not_before
    }

    /// The certificate, and its chain after it.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }
}

/// The two files, as the watch of files takes them.
#[must_use]
pub fn files(certificate: PathBuf, key: PathBuf) -> Vec<File> {
    vec![File { flag: "--certificate", path: certificate }, File { flag: "--key", path: key }]
}

/// The pair that is served now, if there is one yet.
#[derive(Debug, Default)]
pub struct Certificates(ArcSwapOption<Pair>);

impl Certificates {
    /// Serves this pair on every new connection from now on.
    pub fn serve(&self, pair: Pair) {
        self.0.store(Some(Arc::new(pair)));
    }

    /// The pair that is served now; `None` where none is yet.
    #[must_use]
    pub fn served(&self) -> Option<Arc<Pair>> {
        self.0.load_full()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|pair| Arc::clone(&pair.key))
    }
}
