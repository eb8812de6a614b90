//! Writes JSON like `serde_json`, byte for byte, in half of the instructions. A patch consists mostly of short texts, and
//! documents in it are escaped again.

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Result};

/// Appends a value. Its maps must have strings as keys.
pub(super) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<()> {
    value.serialize(Writer(out))
}

/// Appends a string with its quotes.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(find_special(rest));
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else { break };
        write_escape(out, *byte);
        rest = after;
    }
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let letter = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0xf)]];
            out.extend_from_slice(b"\\u00");
            return out.extend_from_slice(&digits);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

/// Returns the number of bytes before the next one with an escape, or the end.
fn find_special(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let has_less = |word: u64, than: u8| word.wrapping_sub(ONES * u64::from(than)) & !word;
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let word = u64::from_le_bytes(*word);
        let quotes = has_less(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = has_less(word ^ (ONES * u64::from(b'\\')), 1);
        // Bits above the first one may be wrong, because a subtraction borrows from them.
        let special = (quotes | backslashes | has_less(word, b' ')) & HIGH;
        if special != 0 {
            return bytes.len() - rest.len() + special.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..b' ');
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

struct Writer<'o>(&'o mut Vec<u8>);

impl<'o> Writer<'o> {
    fn open(self, open: &[u8], close: &'static [u8]) -> Items<'o> {
        self.0.extend_from_slice(open);
        Items { out: self.0, close, is_first: true }
    }

    /// Begins an object with one key, the name of an alternative.
    fn open_variant(self, variant: &str, open: u8, close: &'static [u8]) -> Items<'o> {
        self.0.push(b'{');
        write_string(self.0, variant);
        self.0.push(b':');
        self.open(&[open], close)
    }
}

/// Leaves values that a patch has rarely or never to `serde_json`.
macro_rules! forward {
    ($($method:ident: $type:ty,)*) => {
        $(fn $method(self, value: $type) -> Result<()> {
            serde_json::to_writer(self.0, &value)
        })*
    };
}

impl<'o> Serializer for Writer<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'o>;
    type SerializeTuple = Items<'o>;
    type SerializeTupleStruct = Items<'o>;
    type SerializeTupleVariant = Items<'o>;
    type SerializeMap = Items<'o>;
    type SerializeStruct = Items<'o>;
    type SerializeStructVariant = Items<'o>;

    forward! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_bytes: &[u8],
    }

    fn serialize_bool(self, value: bool) -> Result<()> {
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<()> {
        write_string(self.0, text);
        Ok(())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut items = self.open(b"{", b"}");
        items.write_entry(variant, value)?;
        items.finish();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'o>> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'o>> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items<'o>> {
        Ok(self.open(b"[", b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'o>> {
        Ok(self.open_variant(variant, b'[', b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Items<'o>> {
        Ok(self.open(b"{", b"}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Items<'o>> {
        Ok(self.open(b"{", b"}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'o>> {
        Ok(self.open_variant(variant, b'{', b"}}"))
    }
}

/// The items of a list or an object.
struct Items<'o> {
    out: &'o mut Vec<u8>,
    close: &'static [u8],
    is_first: bool,
}

impl Items<'_> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
    }

    fn write_item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.separate();
        write(self.out, value)
    }

    fn write_entry<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        debug_assert_eq!(find_special(key.as_bytes()), key.len(), "the names of fields need no escape");
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out, value)
    }

    fn finish(self) {
        self.out.extend_from_slice(self.close);
    }
}

impl SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.separate();
        let start = self.out.len();
        write(self.out, key)?;
        debug_assert_eq!(self.out.get(start), Some(&b'"'), "serde_json writes other keys as strings");
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.out.push(b':');
        write(self.out, value)
    }

    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

/// Writes items of lists with one method, and fields of objects with another.
macro_rules! delegate {
    ($($kind:ident.$method:ident($($key:ident)?) as $write:ident,)*) => {
        $(impl $kind for Items<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<()> {
                self.$write($($key,)? value)
            }

            fn end(self) -> Result<()> {
                self.finish();
                Ok(())
            }
        })*
    };
}

delegate! {
    SerializeSeq.serialize_element() as write_item,
    SerializeTuple.serialize_element() as write_item,
    SerializeTupleStruct.serialize_field() as write_item,
    SerializeTupleVariant.serialize_field() as write_item,
    SerializeStruct.serialize_field(key) as write_entry,
    SerializeStructVariant.serialize_field(key) as write_entry,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Serialize)]
    #[serde(rename_all = "camelCase")]
    enum Any {
        Unit,
        Newtype(Option<Box<Any>>),
        Tuple(i64, u8),
        Struct { first_text: String, number: f64 },
        Map(BTreeMap<String, bool>),
        List(Vec<Any>),
        Flat(Flat),
        Others((), Marker, Pair, char, [u16; 2]),
    }

    #[derive(Debug, Clone, Serialize)]
    struct Marker;

    #[derive(Debug, Clone, Serialize)]
    struct Pair(i32, &'static str);

    #[derive(Debug, Clone, Serialize)]
    struct Flat {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<bool>,
        #[serde(flatten)]
        source: Source,
    }

    #[derive(Debug, Clone, Serialize)]
    enum Source {
        Newtype(u32),
        Struct { items: Vec<String> },
    }

    fn values() -> impl Strategy<Value = Any> {
        let source = prop_oneof![
            any::<u32>().prop_map(Source::Newtype),
            any::<Vec<String>>().prop_map(|items| Source::Struct { items }),
        ];
        let leaf = prop_oneof![
            Just(Any::Unit),
            any::<(i64, u8)>().prop_map(|(one, other)| Any::Tuple(one, other)),
            any::<(String, f64)>().prop_map(|(first_text, number)| Any::Struct { first_text, number }),
            any::<BTreeMap<String, bool>>().prop_map(Any::Map),
            (any::<String>(), any::<Option<bool>>(), source)
                .prop_map(|(name, absent, source)| Any::Flat(Flat { name, absent, source })),
            any::<(i32, char)>().prop_map(|(n, char)| Any::Others(
                (),
                Marker,
                Pair(n, "\u{8}\t\n\u{c}\r\"\\"),
                char,
                [1, 2]
            )),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::option::of(inner.clone()).prop_map(|value| Any::Newtype(value.map(Box::new))),
                prop::collection::vec(inner, 0..4).prop_map(Any::List),
            ]
        })
    }

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_is_written_as_serde_json_writes_it(value in values()) {
            prop_assert_eq!(written(&value), serde_json::to_string(&value).unwrap());
        }
    }

    #[test]
    fn each_character_at_each_place_is_written_as_serde_json_writes_it() {
        for character in ('\0'..='\u{100}').chain(['\u{2028}', '\u{1f680}']) {
            for before in 0..18 {
                let text = format!("{}{character}{0}{character}", "a".repeat(before));
                assert_eq!(written(&text), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
