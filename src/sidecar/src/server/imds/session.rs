//! IMDSv2 session tokens. A token contains its expiry and a code that only this process can compute. So none has to be
//! stored, and requesting many costs no memory.

use std::time::Duration;

use ring::hmac::{self, HMAC_SHA256, Key};
use ring::rand::SystemRandom;
use tokio::time::Instant;

/// The lifetimes that may be requested, in seconds, as in EC2's metadata service.
pub(super) const TTL_SECONDS: std::ops::RangeInclusive<u32> = 1..=21_600;

/// Issues and verifies tokens. The key is new in each process and never leaves it.
#[derive(Debug)]
pub(super) struct SessionTokens {
    key: Key,
    started: Instant,
}

impl SessionTokens {
    /// Creates a new key.
    ///
    /// # Errors
    /// Returns an error if the system provides no random bytes.
    pub(super) fn new() -> Result<Self, ring::error::Unspecified> {
        Ok(Self { key: Key::generate(HMAC_SHA256, &SystemRandom::new())?, started: Instant::now() })
    }

    /// Returns a token that expires after `seconds`.
    pub(super) fn issue(&self, seconds: u32) -> String {
        let expires = (self.started.elapsed() + Duration::from_secs(seconds.into())).as_secs();
        let code = hmac::sign(&self.key, &expires.to_be_bytes());
        format!("{expires:x}-{}", hex::encode(code))
    }

    /// Returns true if this process issued the token and it has not expired. The comparison takes constant time.
    pub(super) fn is_valid(&self, token: &str) -> bool {
        let Some((expires, code)) = token.split_once('-') else { return false };
        let (Ok(expires), Ok(code)) = (u64::from_str_radix(expires, 16), hex::decode(code)) else {
            return false;
        };
        hmac::verify(&self.key, &expires.to_be_bytes(), &code).is_ok()
            && self.started.elapsed().as_secs() < expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn session_token_is_valid_for_the_requested_time() {
        let tokens = SessionTokens::new().unwrap();
        let token = tokens.issue(60);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(tokens.is_valid(&token));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!tokens.is_valid(&token));
    }

    #[tokio::test(start_paused = true)]
    async fn forged_session_token_is_invalid() {
        let tokens = SessionTokens::new().unwrap();
        let token = tokens.issue(60);
        let (expires, code) = token.split_once('-').unwrap();
        let later = u64::from_str_radix(expires, 16).unwrap() + 1;
        for forged in [
            String::new(),
            "-".to_owned(),
            format!("{expires}-"),
            format!("{later:x}-{code}"),
            format!("{expires}-{}", &code[1..]),
            format!("{expires}-{}", &code[2..]),
            format!("{expires}-{}é", &code[2..]),
            SessionTokens::new().unwrap().issue(60),
        ] {
            assert!(!tokens.is_valid(&forged), "{forged}");
        }
    }
}
