//! A reader of compact JSON, as the API server writes it. It is faster than `serde_json`, mostly where values are
//! skipped: half of a review is `managedFields`.
//!
//! Two parsers that disagree are how admission controllers are bypassed. So this one only returns a value that `serde_json`
//! would return too, and it is unsure about all that is unusual: whitespace, fractions, deep nesting, each error. Then the
//! caller asks `serde_json`. The fuzz target `compact-json` compares both.

mod skip;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};
use std::iter;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use self::skip::{find_special, skip_integer, skip_string, skip_value};

/// Maximum depth of values. A pod has a depth of 12.
const MAX_DEPTH: u32 = 64;
/// Maximum length of a number that is kept. All of these numbers fit into an `i64`.
const MAX_NUMBER_LENGTH: usize = 18;
/// The name by which `serde_json`'s `RawValue` asks for the text of a value. With another name, the reader would be unsure about
/// all reviews.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Reads a value, or returns `None` if only `serde_json` can say what the text means.
pub(super) fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Option<T> {
    // Go's encoder writes a line break after a document.
    let text = text.strip_suffix('\n').unwrap_or(text);
    // No other control character is in compact JSON. A loop over all bytes is many times as fast as one that stops.
    if text.bytes().fold(u8::MAX, u8::min) < b' ' {
        return None;
    }
    let mut reader = Reader { text, rest: text.as_bytes(), depth: 0 };
    let value = T::deserialize(&mut reader).ok()?;
    reader.rest.is_empty().then_some(value)
}

/// The reader does not know what `serde_json` would return.
#[derive(Debug)]
struct Unsure;

impl Display for Unsure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("unusual JSON")
    }
}

impl std::error::Error for Unsure {}

impl Error for Unsure {
    fn custom<T: Display>(_: T) -> Self {
        Self
    }
}

type Result<T> = std::result::Result<T, Unsure>;

/// A text without control characters, and a place in it.
struct Reader<'de> {
    text: &'de str,
    /// The bytes that are not yet read.
    rest: &'de [u8],
    /// Number of open lists and objects that are visited.
    depth: u32,
}

impl<'de> Reader<'de> {
    fn peek(&self) -> Result<u8> {
        self.rest.first().copied().ok_or(Unsure)
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.skip_if(&[byte]) { Ok(()) } else { Err(Unsure) }
    }

    /// Skips a text if it follows.
    fn skip_if<const N: usize>(&mut self, text: &[u8; N]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Returns the text that a function skips.
    fn skip_with(&mut self, skip: impl FnOnce(&'de [u8]) -> Option<&'de [u8]>) -> Result<&'de str> {
        let start = self.text.len() - self.rest.len();
        self.rest = skip(self.rest).ok_or(Unsure)?;
        self.text.get(start..self.text.len() - self.rest.len()).ok_or(Unsure)
    }

    fn visit_string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let literal = self.rest;
        self.expect(b'"')?;
        let length = find_special(self.rest);
        if self.rest.get(length) != Some(&b'"') {
            self.rest = literal;
            let literal = self.skip_with(|rest| skip_string(&rest[1..]))?;
            return visitor.visit_string(serde_json::from_str(literal).map_err(|_| Unsure)?);
        }
        let text = self.skip_with(|rest| rest.get(length..))?;
        self.rest = &self.rest[1..];
        visitor.visit_borrowed_str(text)
    }

    fn visit_bool<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let value = self.skip_if(b"true");
        if value || self.skip_if(b"false") { visitor.visit_bool(value) } else { Err(Unsure) }
    }

    fn visit_integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value> {
        let text = self.skip_with(skip_integer)?;
        // For serde_json, -0 is a fraction.
        if text == "-0" || text.len() > MAX_NUMBER_LENGTH {
            return Err(Unsure);
        }
        if text.starts_with('-') {
            return visitor.visit_i64(text.parse().map_err(|_| Unsure)?);
        }
        visitor.visit_u64(text.parse().map_err(|_| Unsure)?)
    }

    /// Reads a list or an object.
    fn visit_items<T>(
        &mut self,
        [open, close]: [u8; 2],
        visit: impl FnOnce(Items<'_, 'de>) -> Result<T>,
    ) -> Result<T> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unsure);
        }
        let value = visit(Items { reader: self, close, is_first: true })?;
        self.depth -= 1;
        self.expect(close)?;
        Ok(value)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Unsure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            b'"' => self.visit_string(visitor),
            b't' | b'f' => self.visit_bool(visitor),
            b'-' | b'0'..=b'9' => self.visit_integer(visitor),
            _ => Err(Unsure),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.skip_if(b"null") { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        let value = BorrowedStrDeserializer::new(self.skip_with(skip_value)?);
        visitor.visit_map(MapDeserializer::new(iter::once((RAW_VALUE, value))))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_items(*b"[]", |items| visitor.visit_seq(items))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit_items(*b"{}", |items| visitor.visit_map(items))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.rest = skip_value(self.rest).ok_or(Unsure)?;
        visitor.visit_unit()
    }

    // Visitors take only values of their own type.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf unit unit_struct tuple
        tuple_struct enum identifier
    }
}

/// The items of a list or an object.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    close: u8,
    is_first: bool,
}

impl Items<'_, '_> {
    /// Moves to the next item. Returns false at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.reader.peek()? == self.close {
            return Ok(false);
        }
        if !self.is_first {
            self.reader.expect(b',')?;
        }
        self.is_first = false;
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Unsure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.advance()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Unsure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if !self.advance()? {
            return Ok(None);
        }
        seed.deserialize(Key(self.reader)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The key of an object, which is always a string.
struct Key<'r, 'de>(&'r mut Reader<'de>);

impl<'de> Deserializer<'de> for Key<'_, 'de> {
    type Error = Unsure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.visit_string(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
