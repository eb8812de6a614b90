//! The verdicts of `verify_server_cert`, compared with those of Go's crypto/x509, by which API servers judge.
//!
//! `go/main.go` generates the certificates and the verdicts.

use jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::verify::{VerifyError, verify_server_cert};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;

const HOST: &str = "rolebridge.system.svc";

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    chain: String,
    bundle: String,
    now: Timestamp,
    /// Error of Go; empty if it accepts the certificate.
    error: String,
}

impl Case {
    fn verdict(&self) -> Result<(), VerifyError> {
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(self.chain.as_bytes()).map(Result::unwrap).collect();
        let bundle = CaBundle::parse(self.bundle.as_bytes());
        verify_server_cert(&chain, HOST, &bundle.certificates, self.now)
    }

    /// Returns true if both verdicts are the same, errors included.
    fn is_same(&self, verdict: &Result<(), VerifyError>) -> bool {
        let go = |text| self.error.contains(text);
        match verdict {
            Ok(()) => self.error.is_empty(),
            Err(VerifyError::Expired) => go("has expired") && go("is after"),
            Err(VerifyError::NameMismatch(name)) => {
                name == HOST && (go("is valid for") || go("not valid for any names") || go("Common Name"))
            }
            Err(VerifyError::UnknownIssuer) => go("unknown authority") && !go("cannot verify signature"),
            Err(VerifyError::Other(_)) => {
                !self.error.is_empty()
                    && !go("is valid for")
                    && !go("is after")
                    && !self.error.ends_with("unknown authority")
            }
            Err(VerifyError::NoTrustedCa) => false,
        }
    }
}

#[test]
fn verdict_is_that_of_go() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("go/cases.json")).unwrap();
    let verdicts: Vec<_> = cases.iter().map(|case| (case, case.verdict())).collect();
    let different: Vec<_> = verdicts
        .iter()
        .filter(|(case, verdict)| !case.is_same(verdict))
        .map(|(case, verdict)| format!("{}: {verdict:?}, Go: {:?}", case.name, case.error))
        .collect();
    assert!(
        cases.len() > 80 && different.is_empty(),
        "{} of {}: {different:#?}",
        different.len(),
        cases.len()
    );
}

#[test]
fn bundle_without_certificates_contains_no_ca() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("go/cases.json")).unwrap();
    for bundle in ["", "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"] {
        let case = Case {
            bundle: bundle.to_owned(),
            chain: cases[0].chain.clone(),
            name: String::new(),
            error: String::new(),
            ..cases[0]
        };
        assert_eq!(case.verdict(), Err(VerifyError::NoTrustedCa));
    }
}
