//! A `caBundle`: a sequence of PEM certificates.

use pem::{EncodeConfig, LineEnding, Pem};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::validity::Validity;

/// The contents of a `caBundle`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaBundle {
    /// The certificates, all of which API servers trust.
    pub certificates: Vec<CertificateDer<'static>>,
    /// True if an entry is not a certificate.
    pub broken: bool,
}

impl CaBundle {
    /// Parses a bundle. Like Go, skips entries that are not certificates.
    #[must_use]
    pub fn parse(pem: &[u8]) -> Self {
        let mut bundle = Self::default();
        for entry in CertificateDer::pem_slice_iter(pem) {
            let certificate = entry.ok().filter(|der| Validity::of(der).is_some());
            bundle.broken |= certificate.is_none();
            bundle.certificates.extend(certificate);
        }
        bundle.broken |= bundle.certificates.is_empty() && !pem.trim_ascii().is_empty();
        bundle
    }

    /// Returns true if the bundle contains exactly these certificates, in any order.
    #[must_use]
    pub fn is(&self, certificates: &[CertificateDer<'_>]) -> bool {
        let is_subset = |subset: &[CertificateDer<'_>], of: &[CertificateDer<'_>]| {
            subset.iter().all(|certificate| of.contains(certificate))
        };
        !self.broken
            && is_subset(&self.certificates, certificates)
            && is_subset(certificates, &self.certificates)
    }
}

/// Encodes certificates as PEM, in order.
#[must_use]
pub fn pem<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'a>>) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let encode =
        |der: &CertificateDer<'_>| pem::encode_config(&Pem::new("CERTIFICATE", der.to_vec()), config);
    certificates.into_iter().map(encode).collect()
}
