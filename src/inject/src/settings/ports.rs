//! The sidecar's ports: none that another container of the pod uses, and none on the node's network.

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::CONTAINER;

use super::origin::Setting;
use super::precedence::Precedence;
use super::resolved::Settings;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::reason::Reason;
use crate::view::Pod;

/// Returns the sidecar's ports, each with its annotation.
fn listeners(settings: &Settings<'_>) -> impl Iterator<Item = (&'static str, Setting<u16>)> {
    let sidecar = &settings.sidecar;
    let server = settings.has_server().then_some((key::PORT, sidecar.port));
    let metrics =
        sidecar.metrics_port.filter(|_| settings.has_sidecar()).map(|port| (key::METRICS_PORT, port));
    server.into_iter().chain(metrics)
}

/// Denies a port that is already in use in the pod.
pub(super) fn check(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let mut previous: Option<(&str, Setting<u16>)> = None;
    for (key, port) in listeners(settings) {
        let number = port.value;
        if let Some(container) = container_with_port(precedence.pod, number) {
            let message = format!(
                "{key} {}: expected a free port, found \"{number}\", a port of the container {}. Fix: set {key} to a \
                 free port.",
                precedence.describe_origin(port.origin),
                DisplayName(container)
            );
            return Err(Denial::for_settings(Reason::Clash, message));
        }
        if let Some((other, used)) = previous
            && used.value == number
        {
            let message = format!(
                "{key} {}: expected another port than {other}, found \"{number}\" for both. Fix: change one of them.",
                precedence.describe_origin(port.origin)
            );
            return Err(Denial::for_settings(Reason::BadValue, message));
        }
        previous = Some((key, port));
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
        Some((listener, port)) => {
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
