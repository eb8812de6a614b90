//! Canonical requests against Google's vectors, and the errors of URLs.
//!
//! `v4_signatures.json` has the signatures of version 4 from Google's `conformance-tests` (Apache License 2.0), as in the module
//! `cloud.google.com/go/storage` 1.71.0, without its POST policies. `public.pem` belongs to the service account with which they
//! were made.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::*;
use crate::service::Service;
use crate::testing::*;

const VECTORS: &str = include_str!("../../../../testdata/signed-urls/v4_signatures.json");
const PUBLIC_KEY: &str = include_str!("../../../../testdata/signed-urls/public.pem");
const OBJECT: &str = "/reports/2026/11/24.txt";
const ARCHIVE: &str = "archive@shop.iam.gserviceaccount.com";

/// Returns the headers of a vector with its host, or `None` if HTTP does not allow one of the names.
fn vector_headers(vector: &Value, uri: &Uri) -> Option<http::HeaderMap> {
    let mut headers = http::HeaderMap::new();
    headers.insert("host", uri.authority()?.as_str().parse().ok()?);
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        let value = HeaderValue::from_str(value.as_str()?.trim()).ok()?;
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    Some(headers)
}

#[test]
fn canonical_requests_and_signatures_match_googles_vectors() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let der = SubjectPublicKeyInfoDer::from_pem_slice(PUBLIC_KEY.as_bytes()).unwrap();
    let (_, spki) = SubjectPublicKeyInfo::from_der(&der).unwrap();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &spki.subject_public_key.data);
    let (mut compared, mut skipped) = (0, Vec::new());
    for vector in vectors["signingV4Tests"].as_array().unwrap() {
        let description = vector["description"].as_str().unwrap();
        let uri: Uri = vector["expectedUrl"].as_str().unwrap().parse().unwrap();
        let Some(headers) = vector_headers(vector, &uri) else {
            skipped.push(description);
            continue;
        };
        let method = vector["method"].as_str().unwrap().parse().unwrap();
        let signature = Signature::parse(&uri).unwrap();
        let canonical = CanonicalRequest::new(&method, &uri, &headers, &signature.headers);
        let expected = vector["expectedCanonicalRequest"].as_str().unwrap();
        // This vector contradicts itself: its hash and its signature are those of a path without the bucket, as in its URL.
        let is_wrong = description == "Universe domain with virtual hosted style";
        let expected = if is_wrong { expected.replacen("/test-bucket", "", 1) } else { expected.to_owned() };
        assert_eq!(canonical.text(), expected, "{description}");
        let signed = signature.string_to_sign(&canonical);
        assert_eq!(signed, vector["expectedStringToSign"], "{description}");
        key.verify(signed.as_bytes(), &signature.bytes).expect(description);
        compared += 1;
    }
    // Its header has slashes in its name.
    assert_eq!(skipped, ["Slashes in object name should not be URL encoded"]);
    assert_eq!(compared, 28);
}

/// A signed URL before it is signed, and who signs it.
struct Draft {
    path: &'static str,
    credential: &'static str,
    signer: &'static str,
    /// The method for which the URL is signed.
    method: http::Method,
    changes: Vec<(&'static str, Option<&'static str>)>,
}

impl Draft {
    const fn new() -> Self {
        Self {
            path: OBJECT,
            credential: ACCOUNT,
            signer: ACCOUNT,
            method: http::Method::GET,
            changes: Vec::new(),
        }
    }

    /// Returns the parameters without the signature. Changed ones come before it, as in a URL of a wrong library.
    fn query(&self) -> String {
        let day = &NOW.amz()[..8];
        let credential = format!("{}/{day}/auto/storage/goog4_request", self.credential);
        let (date, mut parameters) = (NOW.amz(), Vec::new());
        for (name, value) in [
            ("X-Goog-Algorithm", "GOOG4-RSA-SHA256"),
            ("X-Goog-Credential", &credential),
            ("X-Goog-Date", &date),
            ("X-Goog-Expires", "600"),
            ("X-Goog-SignedHeaders", "host"),
        ] {
            let change = self.changes.iter().find(|(changed, _)| *changed == name);
            if let Some(value) = change.map_or(Some(value), |(_, value)| *value) {
                parameters.push(format!("{name}={}", percent_encode(value)));
            }
        }
        parameters.join("&")
    }

    /// Lets the signer sign, and returns the request with the URL.
    async fn sign(&self, fixture: &Fixture, token: &str) -> Request {
        let uri: Uri = format!("{}?{}", self.path, self.query()).parse().unwrap();
        let mut headers = http::HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("storage.googleapis.com"));
        let canonical = CanonicalRequest::new(&self.method, &uri, &headers, &["host".to_owned()]);
        let day = &NOW.amz()[..8];
        let signed = format!(
            "GOOG4-RSA-SHA256\n{}\n{day}/auto/storage/goog4_request\n{}",
            NOW.amz(),
            canonical.hash()
        );
        let signature = sign_blob(fixture, self.signer, token, &signed).await;
        let change = self.changes.iter().find(|(name, _)| *name == "X-Goog-Signature");
        let signature = change.map_or(signature, |(_, value)| value.unwrap_or_default().to_owned());
        let mut request =
            http::Request::builder().method(&self.method).uri(format!("{uri}&X-Goog-Signature={signature}"));
        *request.headers_mut().unwrap() = headers;
        request.body("".into()).unwrap()
    }
}

/// Returns a signature of an account in hexadecimal digits. `token` may sign for the first account, which may sign for the other.
async fn sign_blob(fixture: &Fixture, email: &str, token: &str, message: &str) -> String {
    let delegates: Vec<_> =
        (email != ACCOUNT).then(|| format!("projects/-/serviceAccounts/{ACCOUNT}")).into_iter().collect();
    let body = json!({"payload": STANDARD.encode(message), "delegates": delegates}).to_string();
    let path = format!("/v1/projects/-/serviceAccounts/{email}:signBlob");
    let mut request = http::Request::post(path).body(body.into()).unwrap();
    set_bearer_token(&mut request, token);
    let response = fixture.call(Service::IamCredentials, request).await;
    let signature = json_body(&response)["signedBlob"].as_str().expect("a signature").to_owned();
    hex::encode(STANDARD.decode(signature).unwrap())
}

async fn federated(fixture: &Fixture) -> String {
    json_body(&fixture.exchange(&[]).await)["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn signed_url_returns_the_object_to_anyone_until_it_expires() {
    for seconds in [-900, 0, 600] {
        let fixture = Fixture::new();
        let token = federated(&fixture).await;
        let request = Draft::new().sign(&fixture, &token).await;
        fixture.clock.shift_by(seconds);
        let response = fixture.call(Service::Storage, request).await;
        assert_eq!(
            (response.error.clone(), body_text(&response).as_str()),
            (None, "all sold\n"),
            "{seconds}"
        );
        let Detail::SignedUrlUsed { principal, object } = response.detail else { panic!("no signed URL") };
        assert_eq!((principal, object), (format!("serviceAccount:{ACCOUNT}"), format!("gs:/{OBJECT}")));
    }
}

/// gcloud asks for an object by HEAD before it signs the URL that the user wants.
#[tokio::test]
async fn url_is_for_one_method() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let mut request = Draft { method: http::Method::HEAD, ..Draft::new() }.sign(&fixture, &token).await;
    let response = fixture.call(Service::Storage, request.clone()).await;
    assert_eq!((response.error.clone(), body_text(&response).as_str()), (None, ""));
    *request.method_mut() = http::Method::GET;
    let response = fixture.call(Service::Storage, request).await;
    assert!(error_message(&response).starts_with("SignatureDoesNotMatch: "));
}

#[tokio::test]
async fn longest_lifetime_is_seven_days() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let draft = Draft { changes: vec![("X-Goog-Expires", Some("604800"))], ..Draft::new() };
    let request = draft.sign(&fixture, &token).await;
    fixture.clock.shift_by(604_800);
    assert_eq!(fixture.call(Service::Storage, request).await.error, None);
}

#[tokio::test]
async fn times_outside_the_lifetime_are_rejected() {
    for (seconds, status, error) in [
        (601, 400, "ExpiredToken: Request signature expired at: 2026-11-24T08:10:00+00:00"),
        (-901, 403, "AccessDenied: Request signature is valid from: 2026-11-24T08:00:00Z"),
    ] {
        let fixture = Fixture::new();
        let token = federated(&fixture).await;
        let request = Draft::new().sign(&fixture, &token).await;
        fixture.clock.shift_by(seconds);
        let response = fixture.call(Service::Storage, request).await;
        assert_eq!((response.status.as_u16(), error_message(&response)), (status, error));
    }
}

#[tokio::test]
async fn errors_have_the_words_of_the_xml_api() {
    let malformed = "MalformedSecurityHeader: ";
    let change = |name, value| Draft { changes: vec![(name, value)], ..Draft::new() };
    let lifetime = "The lifetime must be from 1 to 604800 seconds.";
    let mismatch = "SignatureDoesNotMatch: The request signature we calculated does not match the signature you \
                    provided. Check your Google secret key and signing method.";
    let denied = format!(
        "AccessDenied: {ARCHIVE} does not have storage.objects.get access to the Google Cloud Storage object. Permission \
         'storage.objects.get' denied on resource (or it may not exist)."
    );
    for (draft, status, error) in [
        (change("X-Goog-Expires", Some("0")), 400, format!("{malformed}{lifetime}")),
        (change("X-Goog-Expires", Some("604801")), 400, format!("{malformed}{lifetime}")),
        (change("X-Goog-Expires", None), 400, format!("{malformed}The parameter is missing.")),
        (
            change("X-Goog-Date", Some("20261124")),
            400,
            format!("{malformed}The time must be YYYYMMDDTHHMMSSZ."),
        ),
        (
            change("X-Goog-Credential", Some("a@b/20261123/auto/storage/goog4_request")),
            400,
            format!("{malformed}The credential must be EMAIL/DATE/LOCATION/storage/goog4_request."),
        ),
        (
            change("X-Goog-Algorithm", Some("GOOG4-HMAC-SHA256")),
            400,
            format!("{malformed}The algorithm must be GOOG4-RSA-SHA256."),
        ),
        (
            change("X-Goog-SignedHeaders", Some("date")),
            400,
            format!("{malformed}The header host must be signed."),
        ),
        (change("X-Goog-Signature", Some("x")), 400, format!("{malformed}Signature was not hex encoded")),
        (change("X-Goog-Signature", Some("00")), 403, mismatch.to_owned()),
        (Draft { credential: ARCHIVE, ..Draft::new() }, 403, mismatch.to_owned()),
        (
            Draft { credential: "absent@shop.iam.gserviceaccount.com", ..Draft::new() },
            403,
            mismatch.to_owned(),
        ),
        (Draft { credential: ARCHIVE, signer: ARCHIVE, ..Draft::new() }, 403, denied),
        (
            Draft { path: "/reports/absent", ..Draft::new() },
            404,
            "NoSuchKey: No such object: reports/absent".to_owned(),
        ),
        (
            Draft { path: "/absent/absent", ..Draft::new() },
            404,
            "NoSuchBucket: The specified bucket does not exist.".to_owned(),
        ),
    ] {
        let fixture = Fixture::new();
        let token = federated(&fixture).await;
        let request = draft.sign(&fixture, &token).await;
        let response = fixture.call(Service::Storage, request).await;
        assert_eq!((response.status.as_u16(), error_message(&response)), (status, error.as_str()));
    }
}

#[tokio::test]
async fn error_of_a_signature_shows_what_must_be_signed() {
    let fixture = Fixture::new();
    let token = federated(&fixture).await;
    let mut request = Draft::new().sign(&fixture, &token).await;
    let changed = request.uri().to_string().replace("24.txt", "25.txt");
    *request.uri_mut() = changed.parse().unwrap();
    let response = fixture.call(Service::Storage, request).await;
    let body = body_text(&response);
    let expected = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>SignatureDoesNotMatch</Code><Message>Access \
                    denied.</Message><Details>";
    assert!(body.starts_with(expected), "{body}");
    assert!(body.contains("<StringToSign>GOOG4-RSA-SHA256\n"), "{body}");
    assert!(body.contains("<CanonicalRequest>GET\n/reports/2026/11/25.txt\nX-Goog-Algorithm="), "{body}");
    assert_eq!(response.headers["content-type"], "application/xml; charset=UTF-8");
}
