//! Redaction of unvalidated values in messages.

use std::borrow::Cow;
use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_escapes_truncates_and_redacts() {
        for (value, expected) in [
            ("plain", "\"plain\""),
            ("two\nlines", "\"two\\nlines\""),
            ("batch@shop.iam.gserviceaccount.com", "\"batch@shop.iam.gserviceaccount.com\""),
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
