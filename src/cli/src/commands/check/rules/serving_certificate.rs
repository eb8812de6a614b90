//! The serving certificate of each replica, verified as API servers do.

use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::validity::Validity;
use rolebridge_certs::verify::{VerifyError, verify_server_cert};
use rustls::pki_types::CertificateDer;

use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::rules::expiry::{Expiry, format_time};
use crate::commands::check::snapshot::InstallationSnapshot;
use crate::error::ReadResult;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    snapshot.served.iter().map(|(pod, chain)| evaluate_replica(snapshot, pod, chain)).collect()
}

fn evaluate_replica(
    snapshot: &InstallationSnapshot,
    pod: &str,
    chain: &ReadResult<Vec<CertificateDer<'static>>>,
) -> Finding {
    let object = format!("Pod/{}/{pod}", snapshot.release.namespace);
    let chain = match chain {
        Ok(chain) => chain,
        Err(message) => return Finding::unreadable(Check::Certificate, object, message),
    };
    let (severity, message) = evaluate_chain(snapshot, chain);
    Finding::new(Check::Certificate, severity, object, message)
}

fn evaluate_chain(snapshot: &InstallationSnapshot, chain: &[CertificateDer<'_>]) -> (Severity, String) {
    let name = snapshot.release.server_name();
    let validity = chain.first().and_then(|leaf| Validity::of(leaf));
    let expiry_time =
        validity.map_or_else(|| "(unknown)".to_owned(), |validity| format_time(validity.not_after));
    if let Some((entry, error)) = first_rejecting_entry(snapshot, chain, &name) {
        let message = format!(
            "API servers reject the serving certificate, which expires on {expiry_time}. The caBundle of webhook {entry} does not \
             match: {error}. {}",
            fix(&error)
        );
        return (Severity::Error, message);
    }
    let fix = "Fix: in the mode managed, read the log of the leading replica; else renew it with cert-manager or by hand.";
    match validity.map(|validity| Expiry::of(validity, snapshot.now)) {
        Some(Expiry::Expired) => {
            (Severity::Error, format!("The serving certificate expired on {expiry_time}. {fix}"))
        }
        Some(Expiry::ExpiringSoon) => (
            Severity::Warning,
            format!("The serving certificate expires on {expiry_time} and has not been renewed. {fix}"),
        ),
        _ => (
            Severity::Ok,
            format!("API servers accept the serving certificate for {name} until {expiry_time}."),
        ),
    }
}

/// Returns the first entry with a `caBundle` that does not match the chain.
fn first_rejecting_entry(
    snapshot: &InstallationSnapshot,
    chain: &[CertificateDer<'_>],
    name: &str,
) -> Option<(String, VerifyError)> {
    snapshot.entries().find_map(|entry| {
        let pem = entry.client_config.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        let authorities = CaBundle::parse(pem).certificates;
        let error = verify_server_cert(chain, name, &authorities, snapshot.now).err()?;
        Some((entry.name.clone(), error))
    })
}

fn fix(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::NoTrustedCa => "Fix: see the check ca-bundle.",
        VerifyError::UnknownIssuer => {
            "Fix: if a GitOps tool replaces the caBundle with another CA, make it ignore the field."
        }
        VerifyError::NameMismatch(_) => {
            "Fix: issue the certificate for that name: the Service, its namespace and svc."
        }
        VerifyError::Expired => {
            "Fix: renew it; in the mode managed, read the log of the leading replica to find out why it was not renewed."
        }
        VerifyError::Other(_) => "Fix: use an ordinary server certificate, and put its CA into the caBundle.",
    }
}
