//! The parts of a JSON web token that the sidecar reads: its shape and its claims. The receiver verifies the token.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// The claims of a token, which are not verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Claims {
    #[serde(default)]
    exp: Option<u64>,
    #[serde(default)]
    iat: Option<u64>,
    /// The issuer.
    #[serde(default, rename = "iss")]
    pub issuer: Option<String>,
    /// The subject.
    #[serde(default, rename = "sub")]
    pub subject: Option<String>,
    /// The audiences.
    #[serde(default, rename = "aud")]
    pub audiences: Audiences,
}

/// The audiences of a token. RFC 7519 section 4.1.3 allows a single one without an array.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// A single audience.
    One(String),
    /// Any number of audiences.
    Many(Vec<String>),
}

impl Default for Audiences {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<Audiences> for Vec<String> {
    fn from(audiences: Audiences) -> Self {
        match audiences {
            Audiences::One(audience) => vec![audience],
            Audiences::Many(audiences) => audiences,
        }
    }
}

/// Returns true if the text has the shape of a token: three parts of base64url.
#[must_use]
pub fn is_well_formed(token: &str) -> bool {
    let base64url = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    token.split('.').count() == 3 && token.split('.').all(base64url)
}

/// Returns the time at which the token expires, by its issuer's clock.
#[must_use]
pub fn expires(token: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims(token)?.exp?))
}

/// Returns the time for which the token is valid, which does not depend on a clock.
#[must_use]
pub fn validity(token: &str) -> Option<Duration> {
    let Claims { exp, iat, .. } = claims(token)?;
    exp?.checked_sub(iat?).map(Duration::from_secs)
}

/// Returns the claims, or `None` if they cannot be parsed.
#[must_use]
pub fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1).filter(|_| is_well_formed(token))?;
    serde_json::from_slice(&decode(payload)?).ok()
}

/// Decodes base64url without padding (RFC 4648 section 5, as in RFC 7515).
fn decode(base64url: &str) -> Option<Vec<u8>> {
    let mut text = base64url.replace('-', "+").replace('_', "/");
    text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
    aws_smithy_types::base64::decode(text).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::torn("eyJhbGciOiJSUzI1NiJ9.eyJpc3M", false)]
    #[case::empty_signature("eyJh.eyJp.", false)]
    #[case::html("<html>a.b.c</html>", false)]
    #[case::valid("eyJh.eyJp.c2ln-_", true)]
    fn is_well_formed_checks_the_shape(#[case] token: &str, #[case] expected: bool) {
        assert_eq!(is_well_formed(token), expected);
    }

    #[rstest]
    #[case::valid("eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln", Some(1_772_409_600))]
    #[case::url_alphabet("eyJh.eyJzdWIiOiI_Pz8-Pj4iLCJleHAiOjd9.c2ln", Some(7))]
    #[case::no_exp("eyJh.e30.c2ln", None)]
    #[case::no_json("eyJh.eyJp.c2ln", None)]
    #[case::no_token("token", None)]
    fn expires_reads_the_exp_claim(#[case] token: &str, #[case] expected: Option<u64>) {
        assert_eq!(
            expires(token),
            expected.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        );
    }
}
