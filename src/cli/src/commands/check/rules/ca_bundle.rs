//! The `caBundle` of each webhook configuration, by which API servers verify the webhook's certificate.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use rolebridge_certs::ca_bundle::CaBundle;

use crate::cluster::chart_names::entries;
use crate::commands::check::finding::{Check, Finding, Severity};
use crate::commands::check::rules::expiry::{Expiry, format_time, last_to_expire};
use crate::commands::check::snapshot::InstallationSnapshot;

pub(super) fn evaluate(snapshot: &InstallationSnapshot) -> Vec<Finding> {
    // The rule for webhook configurations reports read errors.
    let Ok(configurations) = &snapshot.configurations else { return Vec::new() };
    configurations.iter().filter_map(|one| evaluate_configuration(one, snapshot.now)).collect()
}

/// Returns one finding, for the worst entry: usually all entries have the same caBundle.
fn evaluate_configuration(configuration: &MutatingWebhookConfiguration, now: Timestamp) -> Option<Finding> {
    let name = configuration.metadata.name.as_deref().unwrap_or_default();
    let results = entries(configuration).map(|entry| {
        let pem = entry.client_config.ca_bundle.as_ref().map_or(&[][..], |bundle| &bundle.0);
        evaluate_entry(&entry.name, &CaBundle::parse(pem), now)
    });
    let (severity, message) = results.reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
    Some(Finding::new(Check::CaBundle, severity, format!("MutatingWebhookConfiguration/{name}"), message))
}

const FIX: &str = "Fix: in the mode managed, read the log of the leading replica, which writes the caBundle, and make GitOps \
                   tools ignore the field. In other modes, update it with cert-manager or by hand.";

fn evaluate_entry(entry: &str, bundle: &CaBundle, now: Timestamp) -> (Severity, String) {
    let Some(validity) = last_to_expire(&bundle.certificates) else {
        let problem = if bundle.broken { "contains no certificate" } else { "is empty" };
        let message =
            format!("webhook {entry}: caBundle {problem}; API servers reject every certificate. {FIX}");
        return (Severity::Error, message);
    };
    let expiry_time = format_time(validity.not_after);
    let count = bundle.certificates.len();
    match Expiry::of(validity, now) {
        Expiry::Expired => {
            let message = format!(
                "webhook {entry}: every CA in the caBundle has expired, the last on {expiry_time}. {FIX}"
            );
            (Severity::Error, message)
        }
        Expiry::ExpiringSoon => {
            let message = format!(
                "webhook {entry}: the last CA in the caBundle expires on {expiry_time} and has not been renewed. {FIX}"
            );
            (Severity::Warning, message)
        }
        Expiry::Valid if bundle.broken => {
            let certificates =
                if count == 1 { "1 certificate".to_owned() } else { format!("{count} certificates") };
            let message = format!(
                "webhook {entry}: the caBundle contains invalid data in addition to {certificates}; API servers ignore it. \
                 Fix: keep only CERTIFICATE blocks."
            );
            (Severity::Warning, message)
        }
        Expiry::Valid => {
            let authorities =
                if count == 1 { "One CA is trusted".to_owned() } else { format!("{count} CAs are trusted") };
            (Severity::Ok, format!("{authorities}, the last until {expiry_time}."))
        }
    }
}
