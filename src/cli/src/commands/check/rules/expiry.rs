//! Expiry of certificates.

use jiff::{SignedDuration, Timestamp};
use rolebridge_certs::validity::Validity;
use rustls::pki_types::CertificateDer;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The expiry state of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    Expired,
    /// Less than a week and less than a quarter of the lifetime is left: a working renewal would have happened before.
    ExpiringSoon,
    Valid,
}

impl Expiry {
    pub(crate) fn of(validity: Validity, now: Timestamp) -> Self {
        let Validity { not_before, not_after } = validity;
        let left = not_after.duration_since(now);
        if !left.is_positive() {
            return Self::Expired;
        }
        let quarter = not_after.duration_since(not_before) / 4;
        if left < WEEK && left < quarter { Self::ExpiringSoon } else { Self::Valid }
    }
}

/// Returns the validity of the certificate that expires last.
pub(crate) fn last_to_expire(certificates: &[CertificateDer<'_>]) -> Option<Validity> {
    certificates.iter().filter_map(|der| Validity::of(der)).max_by_key(|validity| validity.not_after)
}

/// Formats a time for messages.
pub(crate) fn format_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
