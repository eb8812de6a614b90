//! The key with which Google signs for a service account: the system manages it, and `signBlob` uses it.

use super::keys::PublicKey;
use super::signing::SigningKey;
use crate::secret;

/// The 2048-bit keys of service accounts. They are fixed because ring cannot generate RSA keys, and they protect nothing. Made
/// as the key of [`SigningKey::rs256`].
const PRIVATE_KEYS: [&[u8]; 2] = [include_bytes!("account-1.pk8"), include_bytes!("account-2.pk8")];

/// A system-managed key.
#[derive(Debug)]
pub(crate) struct AccountKey {
    id: String,
    private: SigningKey,
    public: PublicKey,
}

impl AccountKey {
    /// Returns the key of the account with this number. Accounts with numbers that follow each other have different keys.
    pub(crate) fn of_account(number: usize) -> Option<Self> {
        let private = SigningKey::rs256_from(PRIVATE_KEYS[number % PRIVATE_KEYS.len()])?;
        let public = private.public()?;
        Some(Self { id: secret::hex(20), private, public })
    }

    /// Returns the ID, 40 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Signs a message with RSA and SHA-256. Returns `None` if the system has no randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.private.sign(message)
    }

    /// Returns true if this key signed the message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_message(message, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_of_another_account_does_not_verify_a_signature() {
        let [first, second] = [0, 1].map(|number| AccountKey::of_account(number).unwrap());
        let signature = first.sign(b"message").unwrap();
        assert!(first.verify(b"message", &signature));
        assert!(!first.verify(b"other", &signature));
        assert!(!second.verify(b"message", &signature));
        assert_eq!(first.id().len(), 40);
        assert_ne!(first.id(), second.id());
    }
}
