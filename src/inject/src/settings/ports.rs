//! The sidecar's ports: none that another container of the pod uses, and none on the node's network.

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::CONTAINER;
use rolebridge_core::service_accounts::AccountNumber;
use rolebridge_core::token_source::TokenSource;

use super::origin::Setting;
use super::precedence::Precedence;
use super::resolved::Settings;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::reason::Reason;
use crate::view::Pod;

/// A port of the sidecar.
struct Listener<'a> {
    /// The annotation of the port, or of the first of several consecutive ones.
    key: &'static str,
    /// The value of the annotation.
    first: Setting<u16>,
    /// The port. `None` if there is none with so high a number.
    number: Option<u16>,
    /// The service account that has this port, if there are several.
    account: Option<&'a str>,
}

/// Returns the sidecar's ports. With the source `metadata`, each account has its own.
fn listeners<'a>(settings: &'a Settings<'_>) -> impl Iterator<Item = Listener<'a>> {
    let Settings { google, sidecar, .. } = settings;
    let first = sidecar.port;
    let by_account = settings.sources.value.uses(TokenSource::Metadata);
    let accounts =
        google.accounts().filter(move |(account, _)| by_account || *account == AccountNumber::DEFAULT);
    let server = accounts.filter(|_| settings.has_server()).map(move |(account, email)| Listener {
        key: key::PORT,
        first,
        number: account.port(first.value),
        account: email.filter(|_| account != AccountNumber::DEFAULT),
    });
    let metrics = sidecar.metrics_port.filter(|_| settings.has_sidecar()).map(|port| Listener {
        key: key::METRICS_PORT,
        first: port,
        number: Some(port.value),
        account: None,
    });
    server.chain(metrics)
}

impl Listener<'_> {
    /// Denies the port. `found` completes `found "PORT"`.
    fn deny(
        &self,
        precedence: &Precedence<'_>,
        reason: Reason,
        expected: &str,
        found: &str,
        fix: &str,
    ) -> Denial {
        let number = self.number.map_or_else(|| "none".to_owned(), |number| format!("\"{number}\""));
        let account =
            self.account.map_or_else(String::new, |email| format!(" for the service account {email}"));
        let origin = precedence.describe_origin(self.first.origin);
        let message = format!(
            "{} {origin}: expected {expected}{account}, found {number}{found}. Fix: {fix}.",
            self.key
        );
        Denial::for_settings(reason, message)
    }
}

/// Denies a port that is already in use in the pod.
pub(super) fn check(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let mut previous: Vec<Listener<'_>> = Vec::new();
    let ports = listeners(settings).filter(|listener| listener.key == key::PORT).count();
    for listener in listeners(settings) {
        let key = listener.key;
        let fix = || match ports {
            2.. if key == key::PORT => format!("set {key} to the first of {ports} free ports"),
            _ => format!("set {key} to a free port"),
        };
        let Some(number) = listener.number else {
            return Err(listener.deny(precedence, Reason::BadValue, "a port", "", &fix()));
        };
        if let Some(container) = container_with_port(precedence.pod, number) {
            let found = format!(", a port of the container {}", DisplayName(container));
            return Err(listener.deny(precedence, Reason::Clash, "a free port", &found, &fix()));
        }
        if let Some(used) = previous.iter().find(|used| used.number == Some(number)) {
            let owner = used.account.map_or_else(String::new, |email| format!(" of {email}"));
            let expected = format!("another port than {}{owner}", used.key);
            let fix = "change one of them";
            return Err(listener.deny(precedence, Reason::BadValue, &expected, " for both", fix));
        }
        previous.push(listener);
    }
    Ok(())
}

/// Returns the container that declares the TCP port.
pub(super) fn container_with_port<'a>(pod: &'a Pod<'_>, number: u16) -> Option<&'a str> {
    pod.containers()
        .map(|(_, _, container)| container)
        .filter(|container| *container.name != *CONTAINER)
        .find(|container| {
            container.ports().iter().any(|port| {
                port.container_port == i64::from(number)
                    && matches!(port.protocol.as_deref(), None | Some("" | "TCP"))
            })
        })
        .map(|container| &*container.name)
}

/// Denies a port that would be open to the whole node.
pub(super) fn check_host_network(pod: &Pod<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    if !pod.shares_host_network() {
        return Ok(());
    }
    match listeners(settings).next() {
        None => Ok(()),
        Some(Listener { key: listener, first: port, .. }) => {
            let message = format!(
                "spec.hostNetwork on the pod: expected false, because the sidecar's port {} ({listener}) would be open \
                 to the whole node, found true. Fix: set {} to \"file\" (Python, gcloud and Ruby read it only with {}: \
                 \"aws-jwt\") and remove {}.",
                port.value,
                key::SOURCE,
                key::IDENTITY,
                key::METRICS_PORT
            );
            Err(Denial::for_settings(Reason::HostNetwork, message))
        }
    }
}
