//! What a Secret says, whatever somebody has made of it.

use std::time::Duration;

use k8s_openapi::ByteString;
use rstest::rstest;

use super::{at, policy};
use crate::managed::document::{Data, read, write};
use crate::managed::issue;
use crate::managed::state::{Leaf, Old, State};

const NAME: &str = "rolebridge.system.svc";

fn whole() -> (State, Data) {
    let policy = policy();
    let authority = issue::authority(NAME, at(0), policy.authority_lifetime).unwrap();
    let leaf = issue::leaf(&authority, NAME, at(0), policy.leaf_lifetime).unwrap();
    let before = issue::authority(NAME, at(0), policy.authority_lifetime).unwrap().certificate;
    let state = State {
        authority: Some(authority),
        leaf: Some(Leaf { keyed: leaf, of_authority: true }),
        old: Some(vec![Old { certificate: before, until: at(1000) }]),
    };
    let mut data = Data::from([("mine".to_owned(), ByteString(b"stays".to_vec()))]);
    write(&state, &mut data).unwrap();
    (state, data)
}

fn put(data: &mut Data, key: &str, value: impl Into<Vec<u8>>) {
    data.insert(key.to_owned(), ByteString(value.into()));
}

#[test]
fn what_is_written_is_read() {
    let (state, data) = whole();
    let (found, faults) = read(&data, NAME, at(10));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(format!("{found:?}"), format!("{state:?}"));
    assert!(found.leaf.unwrap().keyed.pair().is_some());
    assert_eq!(data["mine"].0, b"stays");
}

#[test]
fn an_empty_one_is_no_fault() {
    for data in [Data::new(), Data::from([("other".to_owned(), ByteString(Vec::new()))])] {
        let (state, faults) = read(&data, NAME, at(0));
        assert!(state.authority.is_none() && state.leaf.is_none() && state.old.is_none());
        assert_eq!(faults, Vec::<String>::new());
    }
}

/// What is left when one key is gone or spoilt: the CA, the certificate, the CAs of before.
#[rstest]
#[case("ca.crt", None, [false, true, true], "ca.crt is missing")]
#[case("ca.key", None, [false, true, true], "ca.key is missing")]
#[case("ca.key", Some("junk"), [false, true, true], "ca.crt with ca.key is not usable: the key file holds no readable private key")]
#[case("ca.crt", Some("junk"), [false, true, true], "ca.crt with ca.key is not usable: the certificate file holds no certificate")]
#[case("tls.key", None, [true, false, true], "tls.key is missing")]
#[case("tls.crt", Some("\u{0}"), [true, false, true], "tls.crt with tls.key is not usable")]
#[case("old-ca.json", None, [true, true, false], "old-ca.json is missing")]
#[case("old-ca.json", Some("[{}]"), [true, true, false], "old-ca.json is not usable: missing field")]
#[case("old-ca.json", Some(r#"[{"certificate": "x", "until": "2026-01-01T00:00:00Z"}]"#), [true, true, false], "old-ca.json is not usable")]
fn what_is_spoilt_is_left_out(
    #[case] key: &str,
    #[case] value: Option<&str>,
    #[case] left: [bool; 3],
    #[case] fault: &str,
) {
    let (_, mut data) = whole();
    match value {
        Some(value) => put(&mut data, key, value),
        None => drop(data.remove(key)),
    }
    let (state, faults) = read(&data, NAME, at(10));
    assert_eq!([state.authority.is_some(), state.leaf.is_some(), state.old.is_some()], left);
    assert!(faults.len() == 1 && faults[0].starts_with(fault), "{faults:?}");
    // The certificate is still served, but it is not of the CA that signs if there is none.
    assert_eq!(state.leaf.is_some_and(|leaf| leaf.of_authority), left[0] && left[1]);
}

#[test]
fn a_key_of_another_is_none() {
    let (_, mut data) = whole();
    let key = data["tls.key"].clone();
    put(&mut data, "ca.key", key.0);
    let (state, faults) = read(&data, NAME, at(10));
    assert!(state.authority.is_none(), "{faults:?}");
    assert!(faults[0].contains("the key does not belong to the certificate"), "{faults:?}");
}

#[test]
fn what_has_ended_is_left_out() {
    let (_, data) = whole();
    let leaf_end = 30 * 24 * 3600;
    assert!(read(&data, NAME, at(leaf_end - 1)).0.leaf.is_some());
    let (state, faults) = read(&data, NAME, at(leaf_end));
    assert!(state.leaf.is_none() && state.authority.is_some());
    assert_eq!(faults, [format!("tls.crt has ended at {}", at(leaf_end))]);
    let (state, faults) = read(&data, NAME, at(366 * 24 * 3600));
    assert!(state.authority.is_none(), "{faults:?}");
}

#[test]
fn a_ca_for_another_name_signs_nothing_here() {
    let (_, data) = whole();
    let (state, faults) = read(&data, "other.system.svc", at(10));
    assert!(state.authority.is_none() && state.leaf.is_some_and(|leaf| !leaf.of_authority));
    assert_eq!(faults, ["ca.crt with ca.key is no CA for other.system.svc, or has ended"]);
}

#[test]
fn no_debug_shows_a_key() {
    let (state, data) = whole();
    let key = String::from_utf8(data["ca.key"].0.clone()).unwrap();
    let shown = format!("{state:?}");
    assert!(shown.contains("[redacted]") && !shown.contains("PRIVATE"), "{shown}");
    assert!(!shown.contains(key.lines().nth(1).unwrap()));
}

#[test]
fn a_certificate_is_renewed_with_a_third_of_its_life_left() {
    let life = Duration::from_mins(500);
    let mut renewals = Vec::new();
    for _ in 0..20 {
        let authority = issue::authority(NAME, at(0), life).unwrap();
        assert_eq!(authority.issued, at(0));
        let renewed = authority.renewed_at().as_second() - at(0).as_second();
        assert!((18_000..=20_000).contains(&renewed), "{renewed}");
        renewals.push(renewed);
    }
    renewals.dedup();
    assert!(renewals.len() > 1, "they are not all renewed at one time");
}

#[test]
fn a_certificate_does_not_outlive_its_ca() {
    let authority = issue::authority(NAME, at(0), Duration::from_secs(100)).unwrap();
    let leaf = issue::leaf(&authority, NAME, at(40), Duration::from_secs(100)).unwrap();
    assert_eq!((leaf.issued, leaf.not_after), (at(40), at(100)));
}
