//! Whether API servers take a certificate, and what being ready makes of it.

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
use rolebridge_webhook::certificates::{Certificates, Pair};
use rolebridge_webhook::configurations::{Configuration, Entry};
use rolebridge_webhook::trust::{Trust, follow};
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

fn between(ca: &Ca) -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ca::signed_by(params, KeyPair::generate().unwrap(), ca).unwrap()
}

/// A certificate from 2026 to 2028, and its key.
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
fn a_certificate_is_taken_as_an_api_server_takes_it() {
    let (own, other) = (ca(), ca());
    let middle = between(&own);
    let (good, _) = leaf(&own, NAME);
    let (lower, _) = leaf(&middle, NAME);
    let der = |certificate: &Certificate| certificate.der().clone();
    let (root, strange) = (own.der().clone(), other.der().clone());
    let stranger = Err(VerifyError::UnknownIssuer);
    for (what, chain, bundle, now, expected) in [
        ("good", vec![der(&good)], vec![root.clone()], 2027, Ok(())),
        ("beside another", vec![der(&good)], vec![strange.clone(), root.clone()], 2027, Ok(())),
        ("beside junk", vec![der(&good)], vec![CertificateDer::from(vec![1]), root.clone()], 2027, Ok(())),
        ("of another", vec![der(&good)], vec![strange.clone()], 2027, stranger.clone()),
        ("of nobody", vec![der(&good)], vec![], 2027, Err(VerifyError::NoTrustedCa)),
        ("ended", vec![der(&good)], vec![root.clone()], 2029, Err(VerifyError::Expired)),
        ("with its chain", vec![der(&lower), middle.der().clone()], vec![root.clone()], 2027, Ok(())),
        ("without its chain", vec![der(&lower)], vec![root], 2027, stranger),
    ] {
        assert_eq!(verify_server_cert(&chain, NAME, &bundle, year(now)), expected, "{what}");
    }
    let bundle = [own.der().clone()];
    let other_name = verify_server_cert(&[der(&good)], "other.system.svc", &bundle, year(2027)).unwrap_err();
    assert_eq!(other_name.to_string(), "the served certificate is not for other.system.svc");
    let early = verify_server_cert(&[der(&good)], NAME, &bundle, year(2025)).unwrap_err().to_string();
    assert!(early.starts_with("the served certificate would not be taken"), "{early}");
}

/// What Go takes and webpki does not, or not with ring.
#[rstest]
#[case::its_own_ca("self-signed.crt", "self-signed.crt", true)]
#[case::of_its_own_but_not_trusted("self-signed.crt", "p521-ca.crt", false)]
#[case::a_signature_on_p_521("p521.crt", "p521-ca.crt", true)]
#[case::of_another("p521.crt", "self-signed.crt", false)]
fn what_go_takes_is_taken(#[case] leaf: &str, #[case] trusted: &str, #[case] expected: bool) {
    let verdict = verify_server_cert(&[file(leaf)], NAME, &[file(trusted)], year(2030));
    assert_eq!(verdict.is_ok(), expected, "{verdict:?}");
}

#[test]
fn a_bundle_is_read_as_go_reads_it() {
    let (one, two) = (ca(), ca());
    let pem = |parts: &[&str]| CaBundle::parse(parts.concat().as_bytes());
    let junk = "-----BEGIN CERTIFICATE-----\nanVuaw==\n-----END CERTIFICATE-----\n";
    let cut = "-----BEGIN CERTIFICATE-----\nanVuaw==\n";
    let both = [one.der().clone(), two.der().clone()];
    for (bundle, found, broken) in [
        (pem(&[&one.pem(), "# a comment\n", &two.pem()]), &both[..], false),
        (pem(&[]), &[], false),
        (pem(&[&one.pem(), junk, &two.pem()]), &both, true),
        (pem(&[&one.pem(), cut]), &both[..1], true),
        (pem(&["junk"]), &[], true),
    ] {
        assert_eq!((bundle.certificates.as_slice(), bundle.broken), (found, broken));
        let turned: Vec<_> = found.iter().rev().cloned().collect();
        assert_eq!(bundle.is(&turned), !broken, "the order does not matter");
        assert!(!bundle.is(&both[1..]));
    }
}

/// A configuration with an entry for each bundle.
fn configuration(name: &str, bundles: &[&[&Ca]]) -> Configuration {
    let entries = bundles.iter().enumerate().map(|(index, bundle)| Entry {
        index,
        name: format!("{index}.{name}"),
        namespace: "system".to_owned(),
        service: "rolebridge".to_owned(),
        bundle: CaBundle { certificates: bundle.iter().map(|ca| ca.der().clone()).collect(), broken: false },
    });
    Configuration { name: name.to_owned(), version: "1".to_owned(), entries: entries.collect() }
}

fn absent(name: &str) -> Configuration {
    Configuration { name: name.to_owned(), version: String::new(), entries: Vec::new() }
}

fn pair(ca: &Ca) -> Pair {
    let (certificate, key) = leaf(ca, NAME);
    Pair::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

#[test]
fn it_is_first_trusted_by_every_entry_and_then_by_one_at_least() {
    let (own, other) = (ca(), ca());
    let trust = Trust::by(vec!["a".to_owned(), "b".to_owned()]);
    let served = pair(&own);
    let missing = |seen: Vec<Configuration>| {
        trust.see(seen);
        trust.missing(&served, year(2027))
    };
    let fits = |name: &str| configuration(name, &[&[&own], &[&other, &own]]);
    assert_eq!(
        trust.missing(&served, year(2027)).as_deref(),
        Some("the MutatingWebhookConfiguration a has not been read yet")
    );
    assert_eq!(
        missing(vec![fits("a"), absent("b")]).as_deref(),
        Some("there is no MutatingWebhookConfiguration b")
    );
    assert_eq!(
        missing(vec![fits("a"), configuration("b", &[&[&own], &[&other]])]).as_deref(),
        Some(
            "the caBundle of 1.b in the MutatingWebhookConfiguration b does not fit: \
             the CA of the served certificate is not in it"
        )
    );
    assert_eq!(missing(vec![fits("a"), fits("b")]), None);
    // From now on one is enough.
    assert_eq!(missing(vec![configuration("a", &[&[]]), configuration("b", &[&[&other], &[&own]])]), None);
    assert_eq!(missing(vec![absent("a"), absent("b")]), None, "nobody calls, so nobody is refused");
    assert_eq!(
        missing(vec![configuration("a", &[&[&other]]), absent("b")]).as_deref(),
        Some(
            "the caBundle of 0.a in the MutatingWebhookConfiguration a does not fit: \
             the CA of the served certificate is not in it"
        )
    );
    assert_eq!(missing(vec![fits("a"), fits("b")]), None);
    assert!(trust.missing(&served, year(2029)).is_some(), "it has ended");
}

#[test]
fn without_a_configuration_everything_is_trusted() {
    assert_eq!(Trust::default().missing(&pair(&ca()), year(2027)), None);
}

/// An API server with one configuration, whose `caBundle` comes after some looks: first there is none, then it is empty.
fn api(bundle: String, looks: u32) -> Client {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let answer = move |request: Request<kube::client::Body>| {
        let path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a";
        assert_eq!((request.method().as_str(), request.uri().path()), ("GET", path));
        let look = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let entry = |bundle: Option<&str>| {
            json!({"name": "pods", "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig":
                {"service": {"namespace": "system", "name": "rolebridge"}, "caBundle": bundle.map(|pem| STANDARD.encode(pem))}})
        };
        let by_url = json!({"name": "elsewhere", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://elsewhere.example"}});
        let entry = entry((look >= looks).then_some(bundle.as_str()));
        let object = json!({"metadata": {"name": "a", "resourceVersion": "7"}, "webhooks": [by_url, entry]});
        let absent = json!({"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": "no"});
        let (status, body) = if look == 0 { (404, absent) } else { (200, object) };
        std::future::ready(Ok::<_, std::convert::Infallible>(
            Response::builder().status(status).body(Body::from(body.to_string())).unwrap(),
        ))
    };
    Client::new(service_fn(answer), "default")
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_others_is_waited_for_with_more_patience_when_it_is_trusted() {
    let own = ca();
    let (trust, certificates) = (Trust::by(vec!["a".to_owned()]), Certificates::default());
    certificates.serve(pair(&own));
    let served = certificates.served().unwrap();
    let (seen, look) = (Arc::new(std::sync::Mutex::new(Vec::new())), Duration::from_millis(400));
    tokio::select! {
        () = follow(api(own.pem(), 3), &trust, &certificates, Duration::from_secs(10)) => unreachable!(),
        () = async {
            for _ in 0..10 {
                tokio::time::sleep(look).await;
                let missing = trust.missing(&served, year(2027)).unwrap_or_default();
                seen.lock().unwrap().push(missing);
            }
        } => {}
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "there is no MutatingWebhookConfiguration a",
            "the caBundle of pods in the MutatingWebhookConfiguration a does not fit: there is no CA in it",
            ""
        ]
    );
}
