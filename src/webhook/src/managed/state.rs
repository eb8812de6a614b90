//! What the Secret holds, typed: the CA that signs, the certificate that is served, the CAs of before.

use std::fmt;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rolebridge_certs::validity::Validity;
use rustls_pki_types::CertificateDer;

use crate::certificates::Pair;

/// Certificates begin so much before they are made, for API servers whose clock is behind.
pub const BACKDATED: Duration = Duration::from_mins(5);

/// A private key in PEM. Debug does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub(super) String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct Keyed {
    /// DER.
    pub certificate: CertificateDer<'static>,
    /// Its key.
    pub key: Key,
    /// When it was made.
    pub issued: Timestamp,
    /// The last second at which it is valid.
    pub not_after: Timestamp,
}

impl Keyed {
    /// Of what belongs together. `None` where the certificate is none.
    pub(super) fn new(certificate: CertificateDer<'static>, key: Key) -> Option<Self> {
        let Validity { not_before, not_after } = Validity::of(&certificate)?;
        Some(Self { certificate, key, issued: after(not_before, BACKDATED), not_after })
    }

    /// When to make the next one: between three fifths and two thirds of its life, by chance but always the same.
    #[must_use]
    pub fn renewed_at(&self) -> Timestamp {
        let life = u64::try_from(self.not_after.as_second() - self.issued.as_second()).unwrap_or_default();
        // A signature's last byte is as good as a die.
        let chance = u64::from(self.certificate.last().copied().unwrap_or_default());
        after(self.issued, Duration::from_secs(life * (600 + chance * 66 / 255) / 1000))
    }

    /// The same as the TLS server takes it.
    #[must_use]
    pub fn pair(&self) -> Option<Pair> {
        let certificate = rolebridge_certs::ca_bundle::pem([&self.certificate]);
        Pair::from_pem(certificate.as_bytes(), self.key.0.as_bytes()).ok()
    }
}

/// The certificate that every replica serves.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// It.
    pub keyed: Keyed,
    /// Whether the CA that signs now has signed it: not so while CAs change.
    pub of_authority: bool,
}

/// A CA of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Old {
    /// DER.
    pub certificate: CertificateDer<'static>,
    /// When the last certificate that it may have signed ends.
    pub until: Timestamp,
}

/// What the Secret holds. What is not usable of it is not there.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The CA that signs.
    pub authority: Option<Keyed>,
    /// The certificate that every replica serves.
    pub leaf: Option<Leaf>,
    /// CAs of before that are still needed; `None` where nobody knows.
    pub old: Option<Vec<Old>>,
}

impl State {
    /// The CAs that API servers have to trust. `None` while there is no CA.
    #[must_use]
    pub fn bundle(&self) -> Option<Vec<CertificateDer<'static>>> {
        let authority = self.authority.as_ref()?;
        let old = self.old.as_ref()?.iter().map(|old| &old.certificate);
        Some([&authority.certificate].into_iter().chain(old).cloned().collect())
    }
}

/// A time later by some seconds, as far as there are such times.
#[must_use]
pub(super) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(time.as_second().saturating_add(seconds)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", Key("-----BEGIN PRIVATE KEY".to_owned())), "[redacted]");
    }
}
