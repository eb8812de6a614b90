//! A `caBundle`: PEM certificates in a row.

use pem::{EncodeConfig, LineEnding, Pem};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::validity::Validity;

/// What a `caBundle` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaBundle {
    /// Its certificates; API servers trust each.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Whether it holds anything that is no certificate.
    pub broken: bool,
}

impl CaBundle {
    /// Reads one. What is no certificate is left out, as Go leaves it out.
    #[must_use]
    pub fn parse(pem: &[u8]) -> Self {
        let mut bundle = Self::default();
        for found in CertificateDer::pem_slice_iter(pem) {
            let certificate = found.ok().filter(|der| Validity::of(der).is_some());
            bundle.broken |= certificate.is_none();
            bundle.certificates.extend(certificate);
        }
        bundle.broken |= bundle.certificates.is_empty() && !pem.trim_ascii().is_empty();
        bundle
    }

    /// Whether it holds exactly these, in whatever order.
    #[must_use]
    pub fn is(&self, certificates: &[CertificateDer<'_>]) -> bool {
        let within = |some: &[CertificateDer<'_>], others: &[CertificateDer<'_>]| {
            some.iter().all(|certificate| others.contains(certificate))
        };
        !self.broken && within(&self.certificates, certificates) && within(certificates, &self.certificates)
    }
}

/// The PEM of certificates, one after the other.
#[must_use]
pub fn pem<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let encode =
        |der: &CertificateDer<'_>| pem::encode_config(&Pem::new("CERTIFICATE", der.to_vec()), config);
    certificates.into_iter().map(encode).collect()
}
