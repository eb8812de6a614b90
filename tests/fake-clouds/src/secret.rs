//! Random secrets, which `Debug` redacts.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};

/// A secret string.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Returns random bytes.
fn random_bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // The system's generator does not fail once it is seeded. Zeros would be harmless: these are fakes.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

/// Returns random base64 text that encodes this many bytes.
pub(crate) fn base64(len: usize) -> String {
    STANDARD.encode(random_bytes(len))
}

/// Returns random URL-safe base64 text that encodes this many bytes.
pub(crate) fn url_safe(len: usize) -> String {
    URL_SAFE_NO_PAD.encode(random_bytes(len))
}

/// Returns random capital letters and digits, as in AWS's unique IDs.
pub(crate) fn unique_id(len: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    random_bytes(len).iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

/// Returns random digits.
pub(crate) fn digits(len: usize) -> String {
    random_bytes(len).iter().map(|byte| char::from(b'0' + byte % 10)).collect()
}

/// Returns random hexadecimal digits that encode this many bytes.
pub(crate) fn hex(len: usize) -> String {
    hex::encode(random_bytes(len))
}

/// Returns a random UUID, as in AWS's request IDs.
pub(crate) fn uuid() -> String {
    let hex = hex::encode(random_bytes(16));
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts_secret() {
        assert_eq!(format!("{:?}", Secret::new("marker".to_owned())), "(secret)");
    }

    #[test]
    fn random_values_have_expected_lengths() {
        assert_eq!(uuid().len(), 36);
        assert_eq!(unique_id(16).len(), 16);
        assert!(digits(20).len() == 20 && digits(20).bytes().all(|byte| byte.is_ascii_digit()));
        assert_ne!(uuid(), uuid());
    }
}
