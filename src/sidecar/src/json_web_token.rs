//! What the sidecar reads of a JSON web token: its shape and its end. Whether it is true is for those to say who take it.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// What one says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Claims {
    #[serde(default)]
    exp: Option<u64>,
    /// Who signed it.
    #[serde(default, rename = "iss")]
    pub issuer: Option<String>,
    /// Whom it names.
    #[serde(default, rename = "sub")]
    pub subject: Option<String>,
    /// For whom it is.
    #[serde(default, rename = "aud")]
    pub audiences: Audiences,
}

/// RFC 7519 section 4.1.3: one of them stands by itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// One.
    One(String),
    /// Any number.
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

/// Whether it has the shape of one: three parts of base64url.
#[must_use]
pub fn is_one(token: &str) -> bool {
    let base64url = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    token.split('.').count() == 3 && token.split('.').all(base64url)
}

/// When it ends, by its issuer's clock.
#[must_use]
pub fn expires(token: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims(token)?.exp?))
}

/// What it says of itself; `None`: it says nothing that can be read.
#[must_use]
pub fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1).filter(|_| is_one(token))?;
    serde_json::from_slice(&decode(payload)?).ok()
}

/// RFC 4648 section 5, without padding, as RFC 7515 has it.
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
    #[case::something_else("<html>a.b.c</html>", false)]
    #[case::good("eyJh.eyJp.c2ln-_", true)]
    fn its_shape(#[case] token: &str, #[case] wanted: bool) {
        assert_eq!(is_one(token), wanted);
    }

    #[rstest]
    #[case::good("eyJh.eyJleHAiOjE3NzI0MDk2MDB9.c2ln", Some(1_772_409_600))]
    #[case::url_alphabet("eyJh.eyJzdWIiOiI_Pz8-Pj4iLCJleHAiOjd9.c2ln", Some(7))]
    #[case::no_end("eyJh.e30.c2ln", None)]
    #[case::no_json("eyJh.eyJp.c2ln", None)]
    #[case::none("token", None)]
    fn its_end(#[case] token: &str, #[case] wanted: Option<u64>) {
        assert_eq!(
            expires(token),
            wanted.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
        );
    }
}
