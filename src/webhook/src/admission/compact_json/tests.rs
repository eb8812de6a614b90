use std::fmt::Debug;

use rolebridge_inject::Pod;
use rolebridge_inject::workload::Workload;
use rstest::rstest;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::*;
use crate::admission::review::Review;

const TINY: &str = include_str!("../../../../../tests/fixtures/reviews/tiny.json");
const TYPICAL: &str = include_str!("../../../../../tests/fixtures/reviews/typical.json");
const LARGE: &str = include_str!("../../../../../tests/fixtures/reviews/large.json");

/// Returns true if the reader is sure. Then it must return what `serde_json` returns.
#[track_caller]
fn is_sure<'a, T: Debug + Deserialize<'a>>(text: &'a str) -> bool {
    let Some(found) = from_str::<T>(text) else { return false };
    match serde_json::from_str::<T>(text) {
        Ok(expected) => assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}"),
        Err(error) => panic!("serde_json refuses it: {error}: {text}"),
    }
    true
}

#[rstest]
fn reviews_of_the_api_server_are_read(#[values(TINY, TYPICAL, LARGE)] text: &str) {
    let text = format!("{}\n", text.trim_end());
    assert!(is_sure::<Review<'_, Pod<'_>>>(&text));
    assert!(is_sure::<Review<'_, &RawValue>>(&text));
    assert!(is_sure::<Review<'_, Workload<'_>>>(&text));
    assert!(is_sure::<IgnoredAny>(&text));
}

#[rstest]
#[case::empty_object("{}")]
#[case::empty_list("[]")]
#[case::nested(r#"{"a":[{"b":{}},[],[[1],-20],"",true,false,null],"c":{"d":0}}"#)]
#[case::escapes(r#"["\"\\\/\b\f\n\r\t\u00e9\uD83D","ü☃🚀"]"#)]
#[case::long_number("123456789012345678901234567890")]
#[case::line_break("{}\n")]
fn compact_json_is_skipped(#[case] text: &str) {
    assert!(is_sure::<IgnoredAny>(text));
}

#[rstest]
#[case::empty("")]
#[case::whitespace(r#"{"a": 1}"#)]
#[case::fraction("1.5")]
#[case::exponent("1e3")]
#[case::leading_zero("[01]")]
#[case::sign("[-]")]
#[case::plus("[+1]")]
#[case::word("[nul]")]
#[case::longer_word("[truee]")]
#[case::cut_word("t")]
#[case::open_string(r#"["a"#)]
#[case::control("[\"a\u{1}b\"]")]
#[case::escape(r#"["\x"]"#)]
#[case::cut_escape(r#"["\"]"#)]
#[case::digits(r#"["\u12g4"]"#)]
#[case::cut_digits(r#"["\u12"#)]
#[case::other_bracket(r#"{"a":[}]"#)]
#[case::swapped_brackets(r#"[{"a":1]}"#)]
#[case::missing_value(r#"{"a":}"#)]
#[case::missing_colon(r#"{"a"1}"#)]
#[case::missing_comma("[1 2]")]
#[case::first_comma("[,1]")]
#[case::last_comma("[1,]")]
#[case::last_comma_of_object(r#"{"a":1,}"#)]
#[case::key(r"{1:2}")]
#[case::open_list("[1")]
#[case::open_object(r#"{"a":1"#)]
#[case::two_values("{}{}")]
#[case::two_line_breaks("{}\n\n")]
fn unusual_json_is_left_to_serde_json(#[case] text: &str) {
    assert!(!is_sure::<IgnoredAny>(text));
}

#[test]
fn deep_json_is_left_to_serde_json() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(is_sure::<IgnoredAny>(&nested(64)));
    assert!(!is_sure::<IgnoredAny>(&nested(65)));
    assert!(!is_sure::<IgnoredAny>(&nested(1_000_000)));
}

/// A list of lists, which are visited and not skipped.
#[derive(Debug, serde::Deserialize)]
#[expect(dead_code, reason = "it is compared as its debug output")]
struct Nested(Vec<Self>);

#[test]
fn deep_lists_that_are_visited_are_left_to_serde_json() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(is_sure::<Nested>(&nested(64)));
    assert!(!is_sure::<Nested>(&nested(65)));
    assert!(!is_sure::<Nested>(&nested(1_000_000)));
}

#[rstest]
#[case::twice(r#"{"spec":{"hostNetwork":true,"hostNetwork":false}}"#)]
#[case::twice_with_escapes(r#"{"spec":{"hostNetwork":true,"host\u004eetwork":false}}"#)]
#[case::other_type(r#"{"spec":{"hostNetwork":"true"}}"#)]
#[case::null(r#"{"spec":{"os":{"name":null}}}"#)]
#[case::no_spec("{}")]
#[case::list(r#"{"spec":[]}"#)]
#[case::surrogate(r#"{"spec":{"containers":[{"name":"\ud800"}]}}"#)]
#[case::minus_zero(r#"{"spec":{"securityContext":{"runAsUser":-0}}}"#)]
#[case::long_number(r#"{"spec":{"securityContext":{"runAsUser":9223372036854775807}}}"#)]
#[case::fraction(r#"{"spec":{"securityContext":{"runAsUser":1.0}}}"#)]
fn unusual_pods_are_left_to_serde_json(#[case] text: &str) {
    assert!(!is_sure::<Pod<'_>>(text));
}

#[rstest]
#[case::escaped_key(r#"{"sp\u0065c":{"hostNetwork":true}}"#)]
#[case::escaped_value(r#"{"spec":{"containers":[{"name":"\ud83d\ude80\n"}]}}"#)]
#[case::number(r#"{"spec":{"securityContext":{"runAsUser":-10000000000000000}}}"#)]
#[case::quantity(r#"{"spec":{"resources":{"requests":{"cpu":2,"memory":"1Gi"}}}}"#)]
#[case::null(r#"{"metadata":null,"spec":{"containers":null,"hostNetwork":null}}"#)]
fn usual_pods_are_read(#[case] text: &str) {
    assert!(is_sure::<Pod<'_>>(text));
}

/// Strings are read in words of eight bytes, and byte by byte at the end of the text.
#[test]
fn strings_of_each_length_end_at_the_same_place() {
    for length in 0..40 {
        for special in ["", "\\\"", "\\u0041", "\u{1}", "\u{7f}", "ü", "\\", "\""] {
            for place in 0..=length {
                let text = format!(r#"["{}{special}{}"]"#, "a".repeat(place), "a".repeat(length - place));
                let is_string = serde_json::from_str::<IgnoredAny>(&text).is_ok();
                assert_eq!(is_sure::<IgnoredAny>(&text), is_string, "{text}");
                assert_eq!(is_sure::<Vec<&str>>(&text), serde_json::from_str::<Vec<&str>>(&text).is_ok());
            }
        }
    }
}

#[test]
fn each_change_of_a_byte_is_read_as_serde_json_does() {
    const BYTES: &[u8] = b"\"\\{],0 ";
    let review = TINY.trim_end();
    for position in 0..review.len() {
        for byte in BYTES {
            let mut changed = review.as_bytes().to_vec();
            changed[position] = *byte;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            is_sure::<Review<'_, Pod<'_>>>(&changed);
        }
        is_sure::<Review<'_, Pod<'_>>>(&review[..position]);
    }
}
