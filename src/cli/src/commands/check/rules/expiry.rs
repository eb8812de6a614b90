//! When certificates end, and whether that is soon.

use jiff::{SignedDuration, Timestamp};
use rolebridge_certs::validity::Validity;
use rustls::pki_types::CertificateDer;

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How much is left of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// Nothing.
    Expired,
    /// Under a week and under a quarter of its life: whoever renews it would have done so.
    ExpiringSoon,
    /// Enough.
    Valid,
}

/// How much is left.
pub(crate) fn left(validity: Validity, now: Timestamp) -> Expiry {
    let Validity { not_before, not_after } = validity;
    let left = not_after.duration_since(now);
    if !left.is_positive() {
        return Expiry::Expired;
    }
    let quarter = not_after.duration_since(not_before) / 4;
    if left < WEEK && left < quarter { Expiry::ExpiringSoon } else { Expiry::Valid }
}

/// The one of several that ends last.
pub(crate) fn last(certificates: &[CertificateDer<'_>]) -> Option<Validity> {
    certificates.iter().filter_map(|der| Validity::of(der)).max_by_key(|validity| validity.not_after)
}

/// A time for people.
pub(crate) fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
