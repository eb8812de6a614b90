//! Signature verification: requests from AWS's own signer, the test vector of the sidecar, and every possible change.

use super::*;
use crate::testing::{HOST, NOW, Session, sign_with, signed_caller_identity};

const AUDIENCE: &str = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/POOL_ID/providers/PROVIDER_ID";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXCrrrUtdnniCEXAMPLE/\
                     IvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4OlgkBN9bkUDNCJiBeb/AXlzBBko7b15fjrBs2+cTQtpZ3CYWF\
                     XG8C5zqx37wnOE49mRl/+OtkIKGO7fAE";

fn session() -> Session {
    Session {
        access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: SECRET.to_owned(),
        token: TOKEN.to_owned(),
    }
}

fn check(request: &Request, now: Timestamp) -> Result<(), String> {
    let verify = || {
        let authorization = Authorization::parse(request)?;
        authorization.check(request, now, 15)?;
        authorization.verify(request, SECRET)
    };
    verify().map_err(|error| format!("{}: {}", error.code, error.message))
}

#[test]
fn verify_accepts_the_test_vector() {
    let request = http::Request::post("/?Action=GetCallerIdentity&Version=2011-06-15")
        .header("host", "sts.us-east-2.amazonaws.com")
        .header("x-amz-date", "20200811T065522Z")
        .header("x-amz-security-token", TOKEN)
        .header("x-goog-cloud-target-resource", AUDIENCE)
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20200811/us-east-2/sts/aws4_request, \
             SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource, \
             Signature=460b491cd92b746345219747e679bf55541e3f8bb18eb11516305dbecded91b8",
        )
        .body(bytes::Bytes::new())
        .unwrap();
    let canonical = Authorization::parse(&request).unwrap().canonical_request(&request).unwrap();
    let hash = sha256_hex(canonical.as_bytes());
    assert_eq!(hash, "8e50ed972cc1728035ab85b75e6de35736df96cc028fce787b8cb214623d5a9a");
    assert_eq!(check(&request, Timestamp::from_amz("20200811T065522Z").unwrap()), Ok(()));
}

#[test]
fn verify_accepts_signatures_of_aws_signer() {
    let get = || http::Request::builder().header("host", HOST);
    for request in [
        get().uri("/?Action=GetCallerIdentity&Version=2011-06-15").body("".into()).unwrap(),
        get().uri("/?Version=2011-06-15&Action=GetCallerIdentity").method("POST").body("".into()).unwrap(),
        get().uri("/?a=%2F%20%7E*&b=&b=2&B=1&c").body("".into()).unwrap(),
        get()
            .uri("/")
            .method("POST")
            .header("content-type", "application/x-www-form-urlencoded")
            .body("Action=GetCallerIdentity&Version=2011-06-15".into())
            .unwrap(),
        get().uri("/a/b%20c").header("x-test", "  two   spaces  ").body("".into()).unwrap(),
        get().uri("/").header("x-twice", "1").header("x-twice", "2").body("".into()).unwrap(),
    ] {
        let request = sign_with(&session(), "eu-west-1", NOW, request);
        assert_eq!(check(&request, NOW), Ok(()), "{request:?}");
    }
}

/// A change to a valid request.
type Change = fn(&mut Request);

fn set(request: &mut Request, name: &'static str, change: impl Fn(&str) -> String) {
    let old = request.headers()[name].to_str().unwrap().to_owned();
    request.headers_mut().insert(name, change(&old).parse().unwrap());
}

fn authorization(request: &mut Request, from: &str, to: &str) {
    set(request, "authorization", |old| {
        assert!(old.contains(from), "{old}");
        old.replacen(from, to, 1)
    });
}

const MISMATCH: &str = "SignatureDoesNotMatch: The request signature we calculated does not match the signature you \
                        provided. Check your AWS Secret Access Key and signing method. Consult the service \
                        documentation for details.";

/// Verifies a valid request after a change.
fn changed(change: Change) -> Result<(), String> {
    let mut request =
        signed_caller_identity(&session(), NOW, &crate::testing::audience(crate::testing::PROVIDER));
    assert_eq!(check(&request, NOW), Ok(()));
    change(&mut request);
    check(&request, NOW)
}

#[test]
fn verify_rejects_every_change_of_the_request() {
    let cases: &[(&str, Change)] = &[
        ("method", |r| *r.method_mut() = http::Method::GET),
        ("path", |r| *r.uri_mut() = "/x?Action=GetCallerIdentity&Version=2011-06-15".parse().unwrap()),
        ("action", |r| *r.uri_mut() = "/?Action=GetSessionToken&Version=2011-06-15".parse().unwrap()),
        ("additional query", |r| {
            *r.uri_mut() = "/?Action=GetCallerIdentity&Version=2011-06-15&x".parse().unwrap();
        }),
        ("body", |r| *r.body_mut() = "x".into()),
        ("audience", |r| set(r, "x-goog-cloud-target-resource", |old| old.replace("prod", "test"))),
        ("no audience", |r| drop(r.headers_mut().remove("x-goog-cloud-target-resource"))),
        ("duplicate audience", |r| {
            assert!(r.headers_mut().append("x-goog-cloud-target-resource", "x".parse().unwrap()));
        }),
        ("session token", |r| set(r, "x-amz-security-token", |old| old.replace('A', "B"))),
        ("no session token", |r| drop(r.headers_mut().remove("x-amz-security-token"))),
        ("date", |r| set(r, "x-amz-date", |_| "20261124T080001Z".to_owned())),
        ("signature", |r| authorization(r, "Signature=", "Signature=00")),
        ("capital signature", |r| {
            set(r, "authorization", |old| {
                old.rsplit_once('=').map(|(a, b)| format!("{a}={}", b.to_uppercase())).unwrap()
            });
        }),
        ("region of the same host", |r| set(r, "host", |_| "localhost:1".to_owned())),
        ("order of the names", |r| authorization(r, "host;x-amz-date", "x-amz-date;host")),
        ("additional name", |r| authorization(r, "SignedHeaders=", "SignedHeaders=absent;")),
    ];
    for (case, change) in cases {
        assert_eq!(changed(*change), Err(MISMATCH.to_owned()), "{case}");
    }
}

#[test]
fn check_rejects_invalid_authorization() {
    let cases: &[(&str, Change, &str)] = &[
        (
            "unsigned host",
            |r| authorization(r, "host;", ""),
            "SignatureDoesNotMatch: 'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "unsigned session token",
            |r| authorization(r, ";x-amz-security-token", ""),
            "SignatureDoesNotMatch: 'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "another unsigned header of AWS",
            |r| drop(r.headers_mut().insert("x-amz-user-agent", "x".parse().unwrap())),
            "SignatureDoesNotMatch: 'x-amz-user-agent' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            "other region",
            |r| authorization(r, "/eu-west-1/", "/us-east-1/"),
            "SignatureDoesNotMatch: Credential should be scoped to a valid region. ",
        ),
        (
            "no region",
            |r| authorization(r, "/eu-west-1/", "//"),
            "SignatureDoesNotMatch: Credential should be scoped to a valid region. ",
        ),
        (
            "other host's region",
            |r| set(r, "host", |_| "sts.us-east-1.amazonaws.com".to_owned()),
            "SignatureDoesNotMatch: Credential should be scoped to a valid region. ",
        ),
        (
            "other service",
            |r| authorization(r, "/sts/", "/iam/"),
            "SignatureDoesNotMatch: Credential should be scoped to correct service: 'sts'. ",
        ),
        (
            "other terminator",
            |r| authorization(r, "/aws4_request", "/aws5_request"),
            "SignatureDoesNotMatch: Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (
            "other day",
            |r| authorization(r, "/20261124/", "/20261123/"),
            "SignatureDoesNotMatch: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261123' != '20261124', from '20261124T080000Z'.",
        ),
        (
            "short credential",
            |r| authorization(r, "/sts/", "/"),
            "IncompleteSignature: Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIAIOSFODNN7EXAMPLE/20261124/eu-west-1/aws4_request'",
        ),
        (
            "no signature",
            |r| authorization(r, "Signature=", "Sig="),
            "IncompleteSignature: Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            "no date",
            |r| drop(r.headers_mut().remove("x-amz-date")),
            "IncompleteSignature: Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            "invalid date",
            |r| set(r, "x-amz-date", |_| "20261324T080000Z".to_owned()),
            "IncompleteSignature: Date must be in ISO-8601 'basic format'. Got '20261324T080000Z'. See http://en.wikipedia.org/wiki/ISO_8601",
        ),
        (
            "other algorithm",
            |r| authorization(r, "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            "IncompleteSignature: Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1'.",
        ),
        (
            "no authorization",
            |r| drop(r.headers_mut().remove("authorization")),
            "MissingAuthenticationToken: Request is missing Authentication Token",
        ),
    ];
    for (case, change, error) in cases {
        assert_eq!(changed(*change), Err((*error).to_owned()), "{case}");
    }
}

#[test]
fn verify_accepts_additional_unsigned_header() {
    let mut request = signed_caller_identity(&session(), NOW, AUDIENCE);
    request.headers_mut().insert("user-agent", "Google".parse().unwrap());
    assert_eq!(check(&request, NOW), Ok(()));
}

#[test]
fn check_tolerates_fifteen_minutes_of_clock_skew() {
    let request = signed_caller_identity(&session(), NOW, AUDIENCE);
    for (seconds, error) in [
        (
            -901,
            Some(
                "SignatureDoesNotMatch: Signature not yet current: 20261124T080000Z is still later than 20261124T075959Z (20261124T074459Z + 15 min.)",
            ),
        ),
        (-900, None),
        (900, None),
        (
            901,
            Some(
                "SignatureDoesNotMatch: Signature expired: 20261124T080000Z is now earlier than 20261124T080001Z (20261124T081501Z - 15 min.)",
            ),
        ),
    ] {
        assert_eq!(check(&request, NOW.plus(seconds)).err().as_deref(), error, "{seconds}");
    }
}
