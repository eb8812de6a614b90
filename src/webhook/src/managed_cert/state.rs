//! Typed content of the Secret: the current CA, the serving certificate and the retired CAs.

use std::fmt;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::ca_bundle;
use rolebridge_certs::validity::Validity;
use rustls_pki_types::CertificateDer;

use crate::http::cert_resolver::ServingCert;

/// Age of a certificate's `notBefore` when it is issued, for API servers with slow clocks.
pub const BACKDATE: Duration = Duration::from_mins(5);

/// A PEM private key. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKeyPem(pub(super) String);

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A certificate and its private key.
#[derive(Debug, Clone)]
pub struct CertAndKey {
    /// The certificate, DER.
    pub certificate: CertificateDer<'static>,
    /// The private key.
    pub key: PrivateKeyPem,
    /// Time of issue.
    pub issued: Timestamp,
    /// Last second at which the certificate is valid.
    pub not_after: Timestamp,
}

impl CertAndKey {
    /// Combines a certificate with its key. Returns `None` if the certificate cannot be parsed.
    pub(super) fn new(certificate: CertificateDer<'static>, key: PrivateKeyPem) -> Option<Self> {
        let Validity { not_before, not_after } = Validity::of(&certificate)?;
        Some(Self { certificate, key, issued: add_duration(not_before, BACKDATE), not_after })
    }

    /// Returns when to issue the successor: between three fifths and two thirds of the lifetime, with jitter that is
    /// fixed for a certificate.
    #[must_use]
    pub fn renewal_time(&self) -> Timestamp {
        let lifetime =
            u64::try_from(self.not_after.as_second() - self.issued.as_second()).unwrap_or_default();
        // The signature's last byte serves as deterministic jitter.
        let jitter = u64::from(self.certificate.last().copied().unwrap_or_default());
        add_duration(self.issued, Duration::from_secs(lifetime * (600 + jitter * 66 / 255) / 1000))
    }

    /// Converts to the form that the TLS server uses.
    #[must_use]
    pub fn to_serving_cert(&self) -> Option<ServingCert> {
        let certificate = ca_bundle::pem([&self.certificate]);
        ServingCert::from_pem(certificate.as_bytes(), self.key.0.as_bytes()).ok()
    }
}

/// The certificate that every replica serves.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The certificate and its private key.
    pub cert_and_key: CertAndKey,
    /// True if the current CA issued the certificate; false during a CA rotation.
    pub issued_by_current_ca: bool,
}

/// A CA that no longer issues certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredCa {
    /// The certificate, DER.
    pub certificate: CertificateDer<'static>,
    /// Expiry of the last certificate that the CA may have issued.
    pub needed_until: Timestamp,
}

/// Valid content of the Secret. Invalid parts are `None`.
#[derive(Debug, Clone, Default)]
pub struct CertState {
    /// The current CA.
    pub ca: Option<CertAndKey>,
    /// The certificate that every replica serves.
    pub leaf: Option<Leaf>,
    /// Retired CAs that are still needed; `None` if the list is lost.
    pub retired: Option<Vec<RetiredCa>>,
}

impl CertState {
    /// Returns the CAs that API servers must trust; `None` while there is no CA.
    #[must_use]
    pub fn bundle(&self) -> Option<Vec<CertificateDer<'static>>> {
        let ca = self.ca.as_ref()?;
        let retired = self.retired.as_ref()?.iter().map(|retired| &retired.certificate);
        Some([&ca.certificate].into_iter().chain(retired).cloned().collect())
    }
}

/// Adds whole seconds, up to the latest representable time.
#[must_use]
pub(super) fn add_duration(time: Timestamp, duration: Duration) -> Timestamp {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(time.as_second().saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_key_debug_is_redacted() {
        assert_eq!(format!("{:?}", PrivateKeyPem("-----BEGIN PRIVATE KEY".to_owned())), "[redacted]");
    }
}
