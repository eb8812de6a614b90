//! OwnerRef certificates API servers take: the `caBundle` of each configuration.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use rolebridge_certs::ca_bundle::CaBundle;

use super::expiry::{Expiry, date, last, left};
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::snapshot::{InstallationSnapshot, entries};

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    // That they could not be read has been said.
    let Ok(configurations) = &snapshot.configurations else { return Vec::new() };
    configurations.iter().filter_map(|one| of_configuration(one, snapshot.now)).collect()
}

/// The worst of its entries; they are alike unless somebody changed one.
fn of_configuration(configuration: &MutatingWebhookConfiguration, now: Timestamp) -> Option<Finding> {
    let name = configuration.metadata.name.as_deref().unwrap_or_default();
    let verdicts = entries(configuration).map(|entry| {
        let pem = entry.client_config.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        of_entry(&entry.name, &CaBundle::parse(pem), now)
    });
    let (severity, message) = verdicts.reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
    Some(Finding::new(Check::CaBundle, severity, format!("MutatingWebhookConfiguration/{name}"), message))
}

const MEND: &str = "In the mode managed the replica that leads writes it: its log says why it does not, and a GitOps \
                    tool must leave the field alone. Else cert-manager or you do.";

fn of_entry(entry: &str, bundle: &CaBundle, now: Timestamp) -> (Severity, String) {
    let Some(validity) = last(&bundle.certificates) else {
        let what = if bundle.broken { "holds no certificate" } else { "is empty" };
        let message = format!(
            "The caBundle of the entry {entry} {what}, so API servers take nobody's certificate. {MEND}"
        );
        return (Severity::Error, message);
    };
    let until = date(validity.not_after);
    let count = bundle.certificates.len();
    match left(validity, now) {
        Expiry::Expired => {
            let message = format!(
                "Every CA in the caBundle of the entry {entry} has ended, the last on {until}. {MEND}"
            );
            (Severity::Error, message)
        }
        Expiry::ExpiringSoon => {
            let message = format!(
                "The last CA in the caBundle of the entry {entry} ends on {until}, and nobody has renewed it. {MEND}"
            );
            (Severity::Warning, message)
        }
        Expiry::Valid if bundle.broken => {
            let message = format!(
                "The caBundle of the entry {entry} holds something that is no certificate beside {count} that are: \
                 API servers pass over it. Nothing but CERTIFICATE blocks would be right."
            );
            (Severity::Warning, message)
        }
        Expiry::Valid => {
            let authorities =
                if count == 1 { "One CA is trusted".to_owned() } else { format!("{count} CAs are trusted") };
            (Severity::Ok, format!("{authorities}, the last until {until}."))
        }
    }
}
