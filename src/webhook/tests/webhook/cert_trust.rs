//! Trust of API servers in a certificate, and its effect on readiness.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd,
};
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::verify::{VerifyError, verify_server_cert};
use rolebridge_webhook::cert_trust::CertTrust;
use rolebridge_webhook::http::cert_resolver::{CertResolver, ServingCert};
use rolebridge_webhook::metrics::Metrics;
use rolebridge_webhook::webhook_config::{WebhookConfig, WebhookEntry};
use rolebridge_webhook::webhook_config_reader::poll;
use rolebridge_webhook::webhook_config_watch::ConfigChanges;
use rstest::rstest;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use tower::service_fn;

const NAME: &str = "rolebridge.system.svc";

type Ca = CertifiedIssuer<'static, KeyPair>;

fn ca() -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ca::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn intermediate(ca: &Ca) -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ca::signed_by(params, KeyPair::generate().unwrap(), ca).unwrap()
}

/// Issues a certificate valid from 2026 to 2028, with its key.
fn leaf(ca: &Ca, name: &str) -> (Certificate, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2028, 1, 1));
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, ca).unwrap(), key)
}

fn year(year: i16) -> Timestamp {
    format!("{year}-06-01T00:00:00Z").parse().unwrap()
}

fn file(name: &str) -> CertificateDer<'static> {
    let path = format!("{}/tests/webhook/certificates/{name}", env!("CARGO_MANIFEST_DIR"));
    CertificateDer::from_pem_file(path).unwrap()
}

#[test]
fn verify_server_cert_accepts_what_an_api_server_accepts() {
    let (own, other) = (ca(), ca());
    let middle = intermediate(&own);
    let (valid, _) = leaf(&own, NAME);
    let (lower, _) = leaf(&middle, NAME);
    let der = |certificate: &Certificate| certificate.der().clone();
    let (root, other_root) = (own.der().clone(), other.der().clone());
    let junk = CertificateDer::from(vec![1]);
    let unknown_issuer = Err(VerifyError::UnknownIssuer);
    for (case, chain, bundle, now, expected) in [
        ("valid", vec![der(&valid)], vec![root.clone()], 2027, Ok(())),
        ("with another CA", vec![der(&valid)], vec![other_root.clone(), root.clone()], 2027, Ok(())),
        ("with junk", vec![der(&valid)], vec![junk, root.clone()], 2027, Ok(())),
        ("other CA", vec![der(&valid)], vec![other_root.clone()], 2027, unknown_issuer.clone()),
        ("no CA", vec![der(&valid)], vec![], 2027, Err(VerifyError::NoTrustedCa)),
        ("expired", vec![der(&valid)], vec![root.clone()], 2029, Err(VerifyError::Expired)),
        ("with its chain", vec![der(&lower), middle.der().clone()], vec![root.clone()], 2027, Ok(())),
        ("without its chain", vec![der(&lower)], vec![root], 2027, unknown_issuer),
    ] {
        assert_eq!(verify_server_cert(&chain, NAME, &bundle, year(now)), expected, "{case}");
    }
    let bundle = [own.der().clone()];
    let verify = |name, now| verify_server_cert(&[der(&valid)], name, &bundle, year(now));
    let other_name = verify("other.system.svc", 2027);
    assert_eq!(other_name, Err(VerifyError::NameMismatch("other.system.svc".to_owned())));
    let not_yet_valid = verify(NAME, 2025);
    assert!(matches!(not_yet_valid, Err(VerifyError::Other(_))), "{not_yet_valid:?}");
}

/// Certificates that Go accepts and webpki does not, or not with ring.
#[rstest]
#[case::its_own_ca("self-signed.crt", "self-signed.crt", true)]
#[case::its_own_ca_not_trusted("self-signed.crt", "p521-ca.crt", false)]
#[case::p521_signature("p521.crt", "p521-ca.crt", true)]
#[case::other_issuer("p521.crt", "self-signed.crt", false)]
fn verify_server_cert_accepts_what_go_accepts(
    #[case] leaf: &str,
    #[case] trusted: &str,
    #[case] expected: bool,
) {
    let result = verify_server_cert(&[file(leaf)], NAME, &[file(trusted)], year(2030));
    assert_eq!(result.is_ok(), expected, "{result:?}");
}

#[test]
fn ca_bundle_is_parsed_like_go_does() {
    let (one, two) = (ca(), ca());
    let pem = |parts: &[&str]| CaBundle::parse(parts.concat().as_bytes());
    let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
    let truncated = "-----BEGIN CERTIFICATE-----\nanVuaw==\n";
    let both = [one.der().clone(), two.der().clone()];
    for (bundle, certificates, broken) in [
        (pem(&[&one.pem(), "# a comment\n", &two.pem()]), &both[..], false),
        (pem(&[]), &[], false),
        (pem(&[&one.pem(), junk, &two.pem()]), &both, true),
        (pem(&[&one.pem(), truncated]), &both[..1], true),
        (pem(&["junk"]), &[], true),
    ] {
        assert_eq!((bundle.certificates.as_slice(), bundle.broken), (certificates, broken));
        let reversed: Vec<_> = certificates.iter().rev().cloned().collect();
        assert_eq!(bundle.is(&reversed), !broken, "the order does not matter");
        assert!(!bundle.is(&both[1..]));
    }
}

/// Returns a configuration with an entry for each bundle.
fn config(name: &str, bundles: &[&[&Ca]]) -> WebhookConfig {
    let entries = bundles.iter().enumerate().map(|(index, bundle)| WebhookEntry {
        index,
        name: format!("{index}.{name}"),
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        bundle: CaBundle { certificates: bundle.iter().map(|ca| ca.der().clone()).collect(), broken: false },
    });
    WebhookConfig { name: name.to_owned(), version: "1".to_owned(), entries: entries.collect() }
}

fn missing(name: &str) -> WebhookConfig {
    WebhookConfig { name: name.to_owned(), version: String::new(), entries: Vec::new() }
}

fn serving_cert(ca: &Ca) -> ServingCert {
    let (certificate, key) = leaf(ca, NAME);
    ServingCert::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

#[test]
fn trust_needs_every_entry_at_first_and_one_entry_later() {
    let (own, other) = (ca(), ca());
    let trust = CertTrust::new(vec!["a".to_owned(), "b".to_owned()]);
    let serving = serving_cert(&own);
    let problem = |configs: Vec<WebhookConfig>| {
        trust.observe(configs);
        trust.problem(&serving, year(2027))
    };
    let matching = |name: &str| config(name, &[&[&own], &[&other, &own]]);
    assert_eq!(
        trust.problem(&serving, year(2027)).as_deref(),
        Some("MutatingWebhookConfiguration a not read yet")
    );
    assert_eq!(
        problem(vec![matching("a"), missing("b")]).as_deref(),
        Some("MutatingWebhookConfiguration b not found")
    );
    assert_eq!(
        problem(vec![matching("a"), config("b", &[&[&own], &[&other]])]).as_deref(),
        Some(
            "caBundle of 1.b in MutatingWebhookConfiguration b does not match: \
             it does not contain the CA of the served certificate"
        )
    );
    assert_eq!(problem(vec![matching("a"), matching("b")]), None);
    // From now on, one trusting entry is enough.
    assert_eq!(problem(vec![config("a", &[&[]]), config("b", &[&[&other], &[&own]])]), None);
    assert_eq!(problem(vec![missing("a"), missing("b")]), None, "no API server calls the webhook");
    assert_eq!(
        problem(vec![config("a", &[&[&other]]), missing("b")]).as_deref(),
        Some(
            "caBundle of 0.a in MutatingWebhookConfiguration a does not match: \
             it does not contain the CA of the served certificate"
        )
    );
    assert_eq!(problem(vec![matching("a"), matching("b")]), None);
    assert!(trust.problem(&serving, year(2029)).is_some(), "the certificate has expired");
}

#[test]
fn expired_ca_of_a_valid_certificate_is_a_problem() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    let short = Ca::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (trust, serving) = (CertTrust::new(vec!["a".to_owned()]), serving_cert(&short));
    trust.observe(vec![config("a", &[&[&short]])]);
    assert_eq!(trust.problem(&serving, year(2026)), None);
    assert_eq!(
        trust.problem(&serving, year(2027)).as_deref(),
        Some(
            "caBundle of 0.a in MutatingWebhookConfiguration a does not match: \
             the served certificate or its CA has expired"
        )
    );
}

#[test]
fn ca_bundle_validity_is_that_of_the_anchor_that_expires_first() {
    let ca_until = |last_year| {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = date_time_ymd(last_year, 1, 1);
        params
    };
    let key = KeyPair::generate().unwrap();
    let old = Ca::self_signed(ca_until(2028), KeyPair::from_pem(&key.serialize_pem()).unwrap()).unwrap();
    let new = Ca::self_signed(ca_until(2035), key).unwrap();
    let other = Ca::self_signed(ca_until(2099), KeyPair::generate().unwrap()).unwrap();
    let (trust, serving) = (CertTrust::new(vec!["a".to_owned()]), serving_cert(&old));
    let expiry = |bundles: &[&[&Ca]]| {
        trust.observe(vec![config("a", bundles)]);
        trust.ca_bundle_validity(&serving).map(|validity| validity.not_after.to_string())
    };
    assert_eq!(trust.ca_bundle_validity(&serving), None, "not read yet");
    let (first, second) = (Some("2028-01-01T00:00:00Z".to_owned()), Some("2035-01-01T00:00:00Z".to_owned()));
    assert_eq!(expiry(&[&[&old, &other]]), first);
    assert_eq!(expiry(&[&[&old, &new, &other]]), second, "the renewed CA has the same key");
    assert_eq!(expiry(&[&[&old, &new], &[&old]]), first, "the other entry trusts the old one only");
    assert_eq!(expiry(&[&[&other], &[]]), None);
}

#[test]
fn ca_bundle_validity_is_known_after_the_ca_has_expired() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    let expired = Ca::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let (trust, serving) = (CertTrust::new(vec!["a".to_owned()]), serving_cert(&expired));
    trust.observe(vec![config("a", &[&[&expired]])]);
    let expiry = trust.ca_bundle_validity(&serving).map(|validity| validity.not_after.to_string());
    assert_eq!(expiry.as_deref(), Some("2020-01-01T00:00:00Z"));
}

#[test]
fn every_certificate_is_trusted_without_configurations() {
    assert_eq!(CertTrust::default().problem(&serving_cert(&ca()), year(2027)), None);
}

/// Returns an API server with one configuration: first it is missing, then its `caBundle` is empty, and after
/// `reads_before_bundle` reads the `caBundle` is set.
fn api(bundle: String, reads_before_bundle: u32) -> Client {
    let reads = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let respond = move |request: Request<kube::client::Body>| {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a";
        assert_eq!((request.method().as_str(), request.uri().path()), ("GET", path));
        let read = reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let entry = |bundle: Option<&str>| {
            json!({"name": "pods", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig":
                {"service": {"namespace": "system", "name": "rolebridge"}, "caBundle": bundle.map(|pem| STANDARD.encode(pem))}})
        };
        let by_url = json!({"name": "elsewhere", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://elsewhere.example"}});
        let entry = entry((read >= reads_before_bundle).then_some(bundle.as_str()));
        let object = json!({"metadata": {"name": "a", "resourceVersion": "7"}, "webhooks": [by_url, entry]});
        let not_found = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": "no"});
        let (status, body) = if read == 0 { (404, not_found) } else { (200, object) };
        std::future::ready(Ok::<_, std::convert::Infallible>(
            Response::builder().status(status).body(Body::from(body.to_string())).unwrap(),
        ))
    };
    Client::new(service_fn(respond), "default")
}

#[tokio::test(start_paused = true)]
async fn poll_reads_more_often_until_the_certificate_is_trusted() {
    let own = ca();
    let (trust, resolver) = (CertTrust::new(vec!["a".to_owned()]), CertResolver::default());
    resolver.replace(serving_cert(&own));
    let serving = resolver.current().unwrap();
    let changes = ConfigChanges::default();
    let (problems, delay) = (Arc::new(std::sync::Mutex::new(Vec::new())), Duration::from_millis(400));
    tokio::select! {
        () = poll(api(own.pem(), 3), &trust, &resolver, &changes, Duration::from_secs(10)) => unreachable!(),
        () = async {
            for _ in 0..10 {
                tokio::time::sleep(delay).await;
                let problem = trust.problem(&serving, year(2027)).unwrap_or_default();
                problems.lock().unwrap().push(problem);
            }
        } => {}
    }
    let mut problems = problems.lock().unwrap().clone();
    problems.dedup();
    assert_eq!(
        problems,
        [
            "MutatingWebhookConfiguration a not found",
            "caBundle of pods in MutatingWebhookConfiguration a does not match: it contains no CA",
            ""
        ]
    );
}

/// Returns an API server with one configuration, which is changed after a minute: its `caBundle` is wiped.
fn api_with_wipe(bundle: String) -> Client {
    let started = tokio::time::Instant::now();
    let wipe = Duration::from_mins(1);
    let event = json!({"type": "MODIFIED", "object": {"metadata": {"name": "a", "resourceVersion": "8"}}});
    let respond = move |request: Request<kube::client::Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let bundle = (started.elapsed() < wipe).then(|| STANDARD.encode(&bundle));
        let entry = json!({"name": "pods", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig":
            {"service": {"namespace": "system", "name": "rolebridge"}, "caBundle": bundle}});
        let body = if query.contains("resourceVersion=7") && query.contains("watch=") {
            let line = format!("{event}\n");
            Body::from_stream(futures::stream::once(async move {
                tokio::time::sleep_until(started + wipe).await;
                Ok::<_, std::convert::Infallible>(axum::body::Bytes::from(line))
            }))
        } else if query.contains("watch=") {
            Body::from_stream(
                futures::stream::pending::<Result<axum::body::Bytes, std::convert::Infallible>>(),
            )
        } else if query.contains("fieldSelector=metadata.name%3Da") {
            Body::from(json!({"metadata": {"resourceVersion": "7"}, "items": []}).to_string())
        } else {
            Body::from(
                json!({"metadata": {"name": "a", "resourceVersion": "7"}, "webhooks": [entry]}).to_string(),
            )
        };
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(body)))
    };
    Client::new(service_fn(respond), "default")
}

#[tokio::test(start_paused = true)]
async fn poll_reads_again_as_soon_as_the_watch_reports_a_change() {
    let own = ca();
    let names = vec!["a".to_owned()];
    let (trust, resolver) = (CertTrust::new(names.clone()), CertResolver::default());
    resolver.replace(serving_cert(&own));
    let serving = resolver.current().unwrap();
    let client = api_with_wipe(own.pem());
    let changes = ConfigChanges::watch(&client, &names, &Metrics::default());
    let problem = || trust.problem(&serving, year(2027));
    tokio::select! {
        () = poll(client, &trust, &resolver, &changes, Duration::from_hours(24)) => unreachable!(),
        () = async {
            tokio::time::sleep(Duration::from_secs(58)).await;
            assert_eq!(problem(), None);
            tokio::time::sleep(Duration::from_secs(4)).await;
            let expected = "caBundle of pods in MutatingWebhookConfiguration a does not match: it contains no CA";
            assert_eq!(problem().as_deref(), Some(expected));
        } => {}
    }
}
