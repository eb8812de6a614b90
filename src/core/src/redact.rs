//! Redaction of unvalidated values and of secrets in messages.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

/// A value displayed in quotes: escaped, truncated to a line, without a proxy's user and password.
#[derive(Debug, Clone, Copy)]
pub struct Quoted<'a>(pub &'a str);

/// The maximum number of characters of a value in a message.
pub const MAX_QUOTED_CHARS: usize = 120;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        let text = if value.contains("://") { redact_userinfo(value) } else { value.into() };
        match text.char_indices().nth(MAX_QUOTED_CHARS) {
            Some((end, _)) => write!(f, "{:?}…", &text[..end]),
            None => write!(f, "{text:?}"),
        }
    }
}

/// Returns a URL with `…` instead of the userinfo before its host.
#[must_use]
pub fn redact_userinfo(url: &str) -> Cow<'_, str> {
    let Some((before, host)) = url.rsplit_once('@') else { return url.into() };
    let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
    format!("{scheme}…@{host}").into()
}

/// The minimum number of characters in common with a secret that [`redact_secrets`] removes. Fewer are in common by chance,
/// and reveal too little of a token.
pub const MIN_SECRET_PART_CHARS: usize = 12;

/// Returns the text with `…` instead of each part of a secret, as long as [`MIN_SECRET_PART_CHARS`] or longer.
///
/// A part is found in the forms in which a service may quote it: cut off, percent-encoded, also repeatedly, and escaped as
/// in JSON.
#[must_use]
pub fn redact_secrets<'a>(text: &'a str, secrets: &[impl AsRef<str>]) -> Cow<'a, str> {
    let chars = decoded_chars(text);
    let decoded: Vec<u8> = chars.iter().map(|(byte, _)| *byte).collect();
    let mut is_secret = vec![false; chars.len()];
    for secret in secrets {
        let secret: Vec<u8> = decoded_chars(secret.as_ref()).iter().map(|(byte, _)| *byte).collect();
        let parts: HashSet<&[u8]> = secret.windows(MIN_SECRET_PART_CHARS).collect();
        for (start, part) in decoded.windows(MIN_SECRET_PART_CHARS).enumerate() {
            if parts.contains(part) {
                is_secret[start..start + MIN_SECRET_PART_CHARS].fill(true);
            }
        }
    }
    if !is_secret.contains(&true) {
        return text.into();
    }
    let mut redacted = Vec::with_capacity(text.len());
    let mut previous = false;
    for ((_, range), secret) in chars.into_iter().zip(is_secret) {
        if !secret {
            redacted.extend_from_slice(&text.as_bytes()[range]);
        } else if !previous {
            redacted.extend_from_slice("…".as_bytes());
        }
        previous = secret;
    }
    String::from_utf8_lossy(&redacted).into_owned().into()
}

/// Returns the bytes of a text without percent-encoding and backslashes, each with its place in the text.
fn decoded_chars(text: &str) -> Vec<(u8, Range<usize>)> {
    let (bytes, mut chars, mut start) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some((byte, length)) = bytes.get(start..).and_then(decode_first) {
        chars.push((byte, start..start + length));
        start += length;
    }
    chars
}

/// Decodes the first byte of a text. Returns it with the number of bytes that encode it; `None` at the end.
fn decode_first(bytes: &[u8]) -> Option<(u8, usize)> {
    match bytes {
        [b'%', encoded @ ..] => {
            // Each further encoding replaces the percent sign by `%25`.
            let mut depth = 0;
            while encoded[depth..].starts_with(b"25") && hex(&encoded[depth + 2..]).is_some() {
                depth += 2;
            }
            Some(hex(&encoded[depth..]).map_or((b'%', 1), |byte| (byte, depth + 3)))
        }
        [b'\\', b'u', b'0', b'0', code @ ..] if hex(code).is_some() => hex(code).map(|byte| (byte, 6)),
        [b'\\', escaped, ..] => Some((*escaped, 2)),
        [byte, ..] => Some((*byte, 1)),
        [] => None,
    }
}

/// Parses two hexadecimal digits at the start.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token with characters that are encoded or escaped in most forms.
    const TOKEN: &str = "eyJhbGciOi/JSUzI1NiJ9+marker==";

    #[test]
    fn redact_secrets_removes_a_token_in_each_form() {
        for (text, expected) in [
            ("", ""),
            ("a token is missing", "a token is missing"),
            ("token=eyJhbGciOi/JSUzI1NiJ9+marker==&a=b", "token=…&a=b"),
            ("token=eyJhbGciOi%2FJSUzI1NiJ9%2Bmarker%3D%3D&a=b", "token=…&a=b"),
            ("token=eyJhbGciOi%252fJSUzI1NiJ9%252bmarker%253d%253d", "token=…"),
            (r#"{"token":"eyJhbGciOi\/JSUzI1NiJ9\u002Bmarker=="}"#, r#"{"token":"…"}"#),
            ("two: eyJhbGciOi/JSUzI1NiJ9+marker==, NiJ9+marker==", "two: …, …"),
            ("cut off: eyJhbGciOi/JS and JSUzI1NiJ9+marker", "cut off: … and …"),
            ("eyJhbGciOi/ is too short", "eyJhbGciOi/ is too short"),
            ("100 % of %zz, \\ and ü%2", "100 % of %zz, \\ and ü%2"),
        ] {
            assert_eq!(redact_secrets(text, &[TOKEN]), expected);
        }
        assert_eq!(redact_secrets("a: b", &["", "b"]), "a: b", "no token is that short");
    }

    #[test]
    fn redact_secrets_finds_an_encoded_secret_in_plain_text() {
        let secret = "%7B%22url%22%3A%22https%3A%2F%2Fsts%22%7D";
        assert_eq!(redact_secrets(r#"token {"url":"https://sts"}."#, &[secret]), "token ….");
    }

    #[test]
    fn quoted_escapes_truncates_and_redacts() {
        for (value, expected) in [
            ("plain", "\"plain\""),
            ("two\nlines", "\"two\\nlines\""),
            ("nightly-batch@shop.iam.gserviceaccount.com", "\"nightly-batch@shop.iam.gserviceaccount.com\""),
            ("http://user:secret@proxy:3128", "\"http://…@proxy:3128\""),
            ("http://user:s@cret@proxy:3128", "\"http://…@proxy:3128\""),
        ] {
            assert_eq!(Quoted(value).to_string(), expected);
        }
        assert_eq!(Quoted(&"ü".repeat(500)).to_string(), format!("\"{}\"…", "ü".repeat(120)));
    }

    #[test]
    fn redact_userinfo_keeps_scheme_and_host() {
        for (url, expected) in [
            ("http://proxy:3128", "http://proxy:3128"),
            ("http://user:s@cret@proxy:3128/", "http://…@proxy:3128/"),
            ("user:secret@proxy:3128", "…@proxy:3128"),
        ] {
            assert_eq!(redact_userinfo(url), expected);
        }
    }
}
