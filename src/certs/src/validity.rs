//! The validity of a certificate (RFC 5280, section 4.1.2.5).

use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The first and the last second at which a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

impl Validity {
    /// Reads the validity of a DER certificate. `None` if the bytes are not a certificate.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        let not_before = timestamp(validity.not_before.timestamp())?;
        let not_after = timestamp(validity.not_after.timestamp())?;
        Some(Self { not_before, not_after })
    }
}

/// Converts seconds since 1970. `99991231235959Z`, which means no expiration date, is above jiff's maximum.
fn timestamp(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds.min(Timestamp::MAX.as_second())).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use rustls_pki_types::CertificateDer;

    use super::*;

    fn certificate(first_year: i32, last_year: i32) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(first_year, 1, 1);
        params.not_after = date_time_ymd(last_year, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;

    /// Returns true if the certificate contains a time with this tag and text.
    fn contains_time(certificate: &[u8], tag: u8, text: &str) -> bool {
        let length = u8::try_from(text.len()).unwrap();
        let element = [&[tag, length], text.as_bytes()].concat();
        certificate.windows(element.len()).any(|window| window == element)
    }

    #[test]
    fn utc_time_has_years_from_1950_to_2049() {
        let certificate = certificate(1950, 2049);
        assert!(contains_time(&certificate, UTC_TIME, "500101000000Z"));
        assert!(contains_time(&certificate, UTC_TIME, "491231000000Z"));
        let validity = Validity::of(&certificate).unwrap();
        assert_eq!(validity.not_before.to_string(), "1950-01-01T00:00:00Z");
        assert_eq!(validity.not_after.to_string(), "2049-12-31T00:00:00Z");
    }

    #[test]
    fn generalized_time_has_years_before_1950_and_after_2049() {
        let certificate = certificate(1949, 2050);
        assert!(contains_time(&certificate, GENERALIZED_TIME, "19490101000000Z"));
        assert!(contains_time(&certificate, GENERALIZED_TIME, "20501231000000Z"));
        let validity = Validity::of(&certificate).unwrap();
        assert_eq!(validity.not_before.to_string(), "1949-01-01T00:00:00Z");
        assert_eq!(validity.not_after.to_string(), "2050-12-31T00:00:00Z");
    }

    #[test]
    fn certificate_without_an_expiration_date_is_valid_until_the_maximum() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(9999, 12, 31) + std::time::Duration::from_secs(86_399);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert!(contains_time(certificate.der(), GENERALIZED_TIME, "99991231235959Z"));
        let validity = Validity::of(certificate.der()).unwrap();
        assert_eq!(validity.not_after.as_second(), Timestamp::MAX.as_second());
    }

    #[test]
    fn truncated_or_malformed_certificate_has_no_validity() {
        let certificate = certificate(2026, 2027);
        for length in 0..certificate.len() {
            assert_eq!(Validity::of(&certificate[..length]), None);
        }
        for garbage in
            [&b"\x30\x80"[..], b"\x30\x85\xff\xff\xff\xff\xff", b"\x30\x84\xff\xff\xff\xff", b"\x31\x00"]
        {
            assert_eq!(Validity::of(garbage), None);
        }
    }
}
