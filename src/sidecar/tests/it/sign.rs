//! The subject token equals the one of AWS's own signers, and its encoding round-trips.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use ring::digest::{SHA256, digest};
use rolebridge_sidecar::sign::sign;
use rstest::rstest;
use serde_json::Value;

const CANONICAL_REQUEST: &str = include_str!("vectors/get-caller-identity/canonical-request.txt");
const REQUEST: &str = include_str!("vectors/get-caller-identity/request.json");
const AUDIENCE: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/POOL_ID/providers/PROVIDER_ID";
const SESSION_TOKEN: &str = "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXCrrrUtdnniCEXAMPLE/IvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4OlgkBN9bkUDNCJiBeb/AXlzBBko7b15fjrBs2+cTQtpZ3CYWFXG8C5zqx37wnOE49mRl/+OtkIKGO7fAE";

fn credentials(session_token: &str) -> Credentials {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    Credentials::new("AKIAIOSFODNN7EXAMPLE", secret, Some(session_token.to_owned()), None, "test")
}

/// 2020-08-11T06:55:22Z.
fn then() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_597_128_922)
}

fn decoded(token: &str) -> String {
    percent_decode_str(token).decode_utf8().unwrap().into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn header<'a>(request: &'a Value, key: &str) -> &'a str {
    let headers = request["headers"].as_array().unwrap();
    headers.iter().find(|header| header["key"] == key).unwrap()["value"].as_str().unwrap()
}

/// The signature covers the canonical request, so a correct one proves that all four headers are signed.
#[test]
fn sign_matches_the_vector_of_botocore() {
    assert_eq!(
        hex(digest(&SHA256, CANONICAL_REQUEST.as_bytes()).as_ref()),
        "8e50ed972cc1728035ab85b75e6de35736df96cc028fce787b8cb214623d5a9a"
    );
    let token = sign(&credentials(SESSION_TOKEN), AUDIENCE, "us-east-2", then()).unwrap();
    let signature = "Signature=460b491cd92b746345219747e679bf55541e3f8bb18eb11516305dbecded91b8\"";
    assert!(decoded(token.expose()).contains(signature));
    assert_eq!(decoded(token.expose()), REQUEST, "the same bytes: order, no whitespace, no newline");
}

#[test]
fn subject_token_is_encoded_once_on_one_line() {
    let token = sign(&credentials(SESSION_TOKEN), AUDIENCE, "us-east-2", then()).unwrap();
    assert!(token.expose().starts_with("%7B%22headers%22%3A%5B%7B%22key%22%3A%22Authorization%22"));
    assert!(!decoded(token.expose()).contains('%'));
    assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-._~".contains(&byte)));
}

#[rstest]
#[case("eu-west-1", "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15")]
#[case("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn?Action=GetCallerIdentity&Version=2011-06-15")]
fn host_is_the_public_one_of_the_partition(#[case] region: &str, #[case] url: &str) {
    let token = sign(&credentials("token"), AUDIENCE, region, then()).unwrap();
    let request: Value = serde_json::from_str(&decoded(token.expose())).unwrap();
    assert_eq!(request["url"], url);
    assert_eq!(header(&request, "host"), url.strip_prefix("https://").unwrap().split_once('?').unwrap().0);
}

proptest! {
    /// The session token, the audience and the time can be read from the token, the time in AWS's form.
    #[test]
    fn subject_token_round_trips(session_token in "[ -~]{1,300}", provider in "[!-~]{1,60}", seconds in 0_u64..4_000_000_000) {
        let audience = format!("//iam.googleapis.com/{provider}");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let token = sign(&credentials(&session_token), &audience, "us-east-2", now).unwrap();
        let request: Value = serde_json::from_str(&decoded(token.expose())).unwrap();
        prop_assert_eq!(header(&request, "x-amz-security-token"), session_token);
        prop_assert_eq!(header(&request, "x-goog-cloud-target-resource"), audience);
        let date = httpdate::fmt_http_date(now);
        let (day, year) = (&date[5..7], &date[12..16]);
        let signed = header(&request, "x-amz-date");
        prop_assert!(signed.starts_with(year) && &signed[6..8] == day && signed.ends_with('Z'));
        let parts: Vec<_> = header(&request, "Authorization").split("SignedHeaders=").collect();
        prop_assert!(parts[1].starts_with("host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource,"));
    }
}
