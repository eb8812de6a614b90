//! The loopback server's session tokens. A token says when it ends and carries a code that only this process can make,
//! so none has to be remembered, and asking for many costs no memory.

use std::time::Duration;

use ring::hmac::{self, HMAC_SHA256, Key};
use ring::rand::SystemRandom;
use tokio::time::Instant;

use crate::hex::{hex, unhex};

/// What a token may be asked to last, in seconds, as EC2's metadata service has it.
pub const SECONDS: std::ops::RangeInclusive<u32> = 1..=21_600;

/// Makes and checks tokens. Its key is new in each process and never leaves it.
#[derive(Debug)]
pub struct SessionTokens {
    key: Key,
    started: Instant,
}

impl SessionTokens {
    /// A new key.
    ///
    /// # Errors
    /// If the machine has no random numbers.
    pub fn new() -> Result<Self, ring::error::Unspecified> {
        Ok(Self { key: Key::generate(HMAC_SHA256, &SystemRandom::new())?, started: Instant::now() })
    }

    /// A token for `seconds` from now.
    #[must_use]
    pub fn issue(&self, seconds: u32) -> String {
        let ends = (self.started.elapsed() + Duration::from_secs(seconds.into())).as_secs();
        let code = hmac::sign(&self.key, &ends.to_be_bytes());
        format!("{ends:x}-{}", hex(code.as_ref()))
    }

    /// Whether a token is one of ours and has not ended. The code is compared in constant time.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        let Some((ends, code)) = token.split_once('-') else { return false };
        let (Ok(ends), Some(code)) = (u64::from_str_radix(ends, 16), unhex(code)) else { return false };
        hmac::verify(&self.key, &ends.to_be_bytes(), &code).is_ok() && self.started.elapsed().as_secs() < ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_token_lasts_as_long_as_it_was_asked_to() {
        let tokens = SessionTokens::new().unwrap();
        let token = tokens.issue(60);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(tokens.accepts(&token));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!tokens.accepts(&token));
    }

    #[tokio::test(start_paused = true)]
    async fn no_other_token_is_accepted() {
        let tokens = SessionTokens::new().unwrap();
        let token = tokens.issue(60);
        let (ends, code) = token.split_once('-').unwrap();
        let longer = u64::from_str_radix(ends, 16).unwrap() + 1;
        for forged in [
            String::new(),
            "-".to_owned(),
            format!("{ends}-"),
            format!("{longer:x}-{code}"),
            format!("{ends}-{}", &code[1..]),
            format!("{ends}-{}", &code[2..]),
            format!("{ends}-{}é", &code[2..]),
            SessionTokens::new().unwrap().issue(60),
        ] {
            assert!(!tokens.accepts(&forged), "{forged}");
        }
    }
}
