//! Decoding of a Secret with missing or corrupt parts.

use std::time::Duration;

use k8s_openapi::ByteString;
use rstest::rstest;

use super::{at, policy};
use crate::managed_cert::issue;
use crate::managed_cert::secret::{SecretData, read, write};
use crate::managed_cert::state::{CertState, Leaf, RetiredCa};

const NAME: &str = "rolebridge.system.svc";

fn complete_secret() -> (CertState, SecretData) {
    let policy = policy();
    let ca = issue::ca(NAME, at(0), policy.ca_lifetime).unwrap();
    let leaf = issue::leaf(&ca, NAME, at(0), policy.leaf_lifetime).unwrap();
    let retired = issue::ca(NAME, at(0), policy.ca_lifetime).unwrap().certificate;
    let state = CertState {
        ca: Some(ca),
        leaf: Some(Leaf { cert_and_key: leaf, issued_by_current_ca: true }),
        retired: Some(vec![RetiredCa { certificate: retired, needed_until: at(1000) }]),
    };
    let mut data = SecretData::from([("mine".to_owned(), ByteString(b"stays".to_vec()))]);
    write(&state, &mut data).unwrap();
    (state, data)
}

fn put(data: &mut SecretData, key: &str, value: impl Into<Vec<u8>>) {
    data.insert(key.to_owned(), ByteString(value.into()));
}

#[test]
fn read_after_write_returns_the_state() {
    let (state, data) = complete_secret();
    let (decoded, errors) = read(&data, NAME, at(10));
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(format!("{decoded:?}"), format!("{state:?}"));
    assert!(decoded.leaf.unwrap().cert_and_key.to_serving_cert().is_some());
    assert_eq!(data["mine"].0, b"stays");
}

#[rstest]
#[case::empty(SecretData::new())]
#[case::other_keys(SecretData::from([("other".to_owned(), ByteString(Vec::new()))]))]
fn read_empty_secret_is_not_an_error(#[case] data: SecretData) {
    let (state, errors) = read(&data, NAME, at(0));
    assert!(state.ca.is_none() && state.leaf.is_none() && state.retired.is_none());
    assert_eq!(errors, Vec::<String>::new());
}

/// `valid` lists which parts remain valid: the CA, the certificate, the retired CAs.
#[rstest]
#[case("ca.crt", None, [false, true, true], "ca.crt is missing")]
#[case("ca.key", None, [false, true, true], "ca.key is missing")]
#[case("ca.key", Some("junk"), [false, true, true], "ca.crt with ca.key is invalid: failed to parse the private key file")]
#[case("ca.crt", Some("junk"), [false, true, true], "ca.crt with ca.key is invalid: certificate file contains no certificate")]
#[case("tls.key", None, [true, false, true], "tls.key is missing")]
#[case("tls.crt", Some("\u{0}"), [true, false, true], "tls.crt with tls.key is invalid")]
#[case("old-ca.json", None, [true, true, false], "old-ca.json is missing")]
#[case("old-ca.json", Some("[{}]"), [true, true, false], "old-ca.json is invalid: missing field")]
#[case("old-ca.json", Some(r#"[{"certificate": "x", "until": "2026-01-01T00:00:00Z"}]"#), [true, true, false], "old-ca.json is invalid")]
fn read_skips_invalid_keys(
    #[case] key: &str,
    #[case] value: Option<&str>,
    #[case] valid: [bool; 3],
    #[case] expected_error: &str,
) {
    let (_, mut data) = complete_secret();
    match value {
        Some(value) => put(&mut data, key, value),
        None => drop(data.remove(key)),
    }
    let (state, errors) = read(&data, NAME, at(10));
    assert_eq!([state.ca.is_some(), state.leaf.is_some(), state.retired.is_some()], valid);
    assert!(errors.len() == 1 && errors[0].starts_with(expected_error), "{errors:?}");
    // Without a CA, the certificate is still served, but counts as issued by another CA.
    assert_eq!(state.leaf.is_some_and(|leaf| leaf.issued_by_current_ca), valid[0] && valid[1]);
}

#[test]
fn read_with_key_of_another_certificate_skips_the_ca() {
    let (_, mut data) = complete_secret();
    let key = data["tls.key"].clone();
    put(&mut data, "ca.key", key.0);
    let (state, errors) = read(&data, NAME, at(10));
    assert!(state.ca.is_none(), "{errors:?}");
    assert!(errors[0].contains("private key does not match the certificate"), "{errors:?}");
}

#[test]
fn read_skips_expired_certificates() {
    let (_, data) = complete_secret();
    let leaf_expiry = 30 * 24 * 3600;
    assert!(read(&data, NAME, at(leaf_expiry - 1)).0.leaf.is_some());
    let (state, errors) = read(&data, NAME, at(leaf_expiry));
    assert!(state.leaf.is_none() && state.ca.is_some());
    assert_eq!(errors, [format!("tls.crt expired at {}", at(leaf_expiry))]);
    let (state, errors) = read(&data, NAME, at(366 * 24 * 3600));
    assert!(state.ca.is_none(), "{errors:?}");
}

#[test]
fn read_with_ca_for_another_name_skips_the_ca() {
    let (_, data) = complete_secret();
    let (state, errors) = read(&data, "other.system.svc", at(10));
    assert!(state.ca.is_none() && state.leaf.is_some_and(|leaf| !leaf.issued_by_current_ca));
    assert_eq!(errors, ["ca.crt with ca.key is not a CA for other.system.svc, or has expired"]);
}

#[test]
fn state_debug_redacts_keys() {
    let (state, data) = complete_secret();
    let key = String::from_utf8(data["ca.key"].0.clone()).unwrap();
    let debug = format!("{state:?}");
    assert!(debug.contains("[redacted]") && !debug.contains("PRIVATE"), "{debug}");
    assert!(!debug.contains(key.lines().nth(1).unwrap()));
}

#[test]
fn renewal_time_has_a_third_of_the_lifetime_left_and_jitter() {
    let lifetime = Duration::from_mins(500);
    let mut renewals = Vec::new();
    for _ in 0..20 {
        let ca = issue::ca(NAME, at(0), lifetime).unwrap();
        assert_eq!(ca.issued, at(0));
        let renewal = ca.renewal_time().as_second() - at(0).as_second();
        assert!((18_000..=20_000).contains(&renewal), "{renewal}");
        renewals.push(renewal);
    }
    renewals.dedup();
    assert!(renewals.len() > 1, "renewals are spread");
}

#[test]
fn leaf_expires_with_its_ca_at_the_latest() {
    let ca = issue::ca(NAME, at(0), Duration::from_secs(100)).unwrap();
    let leaf = issue::leaf(&ca, NAME, at(40), Duration::from_secs(100)).unwrap();
    assert_eq!((leaf.issued, leaf.not_after), (at(40), at(100)));
}
