//! A string in a pod, borrowed from the request's bytes unless it contains an escape.
//!
//! Plain `&str` fails for a string with an escape, and serde's `Cow` inside a map or an `Option` never borrows.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::steps;

/// A string that is borrowed if possible.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BorrowedStr<'a>(Cow<'a, str>);

impl Deref for BorrowedStr<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        steps::count(1);
        &self.0
    }
}

impl<'a> From<&'a str> for BorrowedStr<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(BorrowedStrVisitor).map(Self)
    }
}

struct BorrowedStrVisitor;

impl<'de> Visitor<'de> for BorrowedStrVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deserialize_copies_only_strings_with_an_escape() {
        for (json, text, borrows) in [
            (r#""plain""#, "plain", true),
            (r#""""#, "", true),
            (r#""ü and ☃""#, "ü and ☃", true),
            (r#""a\"b""#, "a\"b", false),
            (r#""\ud83d\ude80\n\/""#, "\u{1f680}\n/", false),
        ] {
            let BorrowedStr(value) = serde_json::from_str(json).unwrap();
            assert_eq!(value, text);
            assert_eq!(matches!(value, Cow::Borrowed(_)), borrows, "{json}");
        }
    }

    #[test]
    fn deserialize_of_an_option_borrows() {
        let value: Option<BorrowedStr<'_>> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(value, Some(BorrowedStr(Cow::Borrowed("plain")))));
    }
}
