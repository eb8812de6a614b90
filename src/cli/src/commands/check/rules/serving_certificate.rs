//! Whether API servers take the certificate that each replica serves.

use jiff::Timestamp;
use rolebridge_certs::ca_bundle::CaBundle;
use rolebridge_certs::validity::Validity;
use rolebridge_certs::verify::{self, VerifyError};
use rustls::pki_types::CertificateDer;

use super::expiry::{Expiry, date, left};
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, entries};

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    snapshot.served.iter().map(|(pod, served)| of_replica(snapshot, pod, served)).collect()
}

fn of_replica(
    snapshot: &InstallationSnapshot,
    pod: &str,
    served: &Result<Vec<CertificateDer<'static>>, String>,
) -> Finding {
    let object = format!("Pod/{}/{pod}", snapshot.release.namespace);
    let chain = match served {
        Ok(chain) => chain,
        Err(why) => return Finding::unseen(Check::Certificate, object, why),
    };
    let (severity, message) = evaluate_chain(snapshot, chain);
    Finding::new(Check::Certificate, severity, object, message)
}

fn evaluate_chain(snapshot: &InstallationSnapshot, chain: &[CertificateDer<'_>]) -> (Severity, String) {
    let name = snapshot.release.server_name();
    let validity = chain.first().and_then(|leaf| Validity::of(leaf));
    let until = validity.map_or_else(|| "(no date)".to_owned(), |validity| date(validity.not_after));
    if let Some((entry, distrust)) = distrust(snapshot, chain, &name, snapshot.now) {
        return (Severity::Error, refused(&entry, &distrust, &until));
    }
    let mend =
        "In the mode managed the log of the replica that leads says why; else cert-manager or you renew it.";
    match validity.map(|validity| left(validity, snapshot.now)) {
        Some(Expiry::Expired) => {
            (Severity::Error, format!("It serves a certificate that ended on {until}. {mend}"))
        }
        Some(Expiry::ExpiringSoon) => (
            Severity::Warning,
            format!("It serves a certificate that ends on {until}, and nobody has renewed it. {mend}"),
        ),
        _ => (
            Severity::Ok,
            format!("It serves a certificate for {name} that API servers take, until {until}."),
        ),
    }
}

/// The first entry whose `caBundle` does not fit.
fn distrust(
    snapshot: &InstallationSnapshot,
    chain: &[CertificateDer<'_>],
    name: &str,
    now: Timestamp,
) -> Option<(String, VerifyError)> {
    let entries = snapshot.configurations.iter().flatten().flat_map(entries);
    let mut verdicts = entries.filter_map(|entry| {
        let pem = entry.client_config.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        let distrust =
            verify::verify_server_cert(chain, name, &CaBundle::parse(pem).certificates, now).err()?;
        Some((entry.name.clone(), distrust))
    });
    verdicts.next()
}

fn refused(entry: &str, distrust: &VerifyError, until: &str) -> String {
    let mend = match distrust {
        VerifyError::NoTrustedCa => "See the check ca-bundle.",
        VerifyError::UnknownIssuer => {
            "Something put another CA there: a GitOps tool that owns the field must leave it out."
        }
        VerifyError::NameMismatch(_) => {
            "The certificate must be for that name: the Service's, its namespace's and svc."
        }
        VerifyError::Expired => {
            "Renew it; in the mode managed the log of the replica that leads says why it was not."
        }
        VerifyError::Other(_) => {
            "An ordinary certificate for a server, and its CA in the caBundle, would be right."
        }
    };
    format!(
        "API servers do not take the certificate that it serves, which ends on {until}: the caBundle of the entry \
         {entry} does not fit, {distrust}. {mend}"
    )
}
