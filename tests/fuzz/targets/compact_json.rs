//! The webhook's fast reader of JSON: what it returns must be what serde_json returns. The types are few and small, so that a
//! run reaches all of the code. The target `admission` compares reviews.
#![no_main]

#[path = "../../../src/webhook/src/admission/compact_json/mod.rs"]
mod compact_json;

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use rolebridge_inject::view::BorrowedStr;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// A value with each kind of field that a review has.
#[allow(dead_code, reason = "it is compared as its debug output")]
#[derive(Debug, Deserialize)]
struct Node<'a> {
    #[serde(borrow, default)]
    text: BorrowedStr<'a>,
    bool: Option<bool>,
    int: Option<i64>,
    #[serde(borrow)]
    raw: Option<&'a RawValue>,
    new: Option<NewType>,
    #[serde(borrow)]
    list: Option<Vec<Node<'a>>>,
    any: Option<serde_json::Value>,
}

/// A value in another type.
#[allow(dead_code, reason = "it is compared as its debug output")]
#[derive(Debug, Deserialize)]
struct NewType(Option<u64>);

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    compare::<IgnoredAny>(text);
    compare::<Node<'_>>(text);
});

fn compare<'a, T: Debug + Deserialize<'a>>(text: &'a str) {
    if let Some(found) = compact_json::from_str::<T>(text) {
        let expected = serde_json::from_str::<T>(text).expect("serde_json accepts what the reader accepts");
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
}
