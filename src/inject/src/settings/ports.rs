//! The sidecar's listeners: ports that nobody else in the pod uses, and none on the node.

use rolebridge_core::annotations as key;
use rolebridge_core::pod_names::CONTAINER;

use super::precedence::Precedence;
use super::{Setting, Settings};
use crate::message::DisplayName;
use crate::{Denial, Pod, Reason};

/// The sidecar's listeners, with the annotation that moves each.
fn listeners(settings: &Settings<'_>) -> impl Iterator<Item = (&'static str, Setting<u16>)> {
    let sidecar = &settings.sidecar;
    let server = settings.has_server().then_some((key::PORT, sidecar.port));
    let metrics =
        sidecar.metrics_port.filter(|_| settings.has_sidecar()).map(|port| (key::METRICS_PORT, port));
    server.into_iter().chain(metrics)
}

/// Refuses a port that is taken.
pub(super) fn check(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let mut earlier: Option<(&str, Setting<u16>)> = None;
    for (key, port) in listeners(settings) {
        let place = precedence.describe_origin(port.origin);
        let number = port.value;
        if let Some(container) = user_of(precedence.pod, number) {
            let message = format!(
                "{key}: \"{number}\" ({place}) is a port of the container {}. Set {key} to one that is free.",
                DisplayName(container)
            );
            return Err(Denial::of_settings(Reason::Clash, message));
        }
        if let Some((other, taken)) = earlier
            && taken.value == number
        {
            let message = format!(
                "{key}: \"{number}\" ({place}) is the same port as {other}. Set either to another one."
            );
            return Err(Denial::of_settings(Reason::BadValue, message));
        }
        earlier = Some((key, port));
    }
    Ok(())
}

/// The container that declares a TCP port.
fn user_of<'a>(pod: &'a Pod<'_>, number: u16) -> Option<&'a str> {
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

/// Refuses a listener that would serve the whole node.
pub(super) fn check_host_network(pod: &Pod<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    if !pod.shares_host_network() {
        return Ok(());
    }
    match listeners(settings).next() {
        None => Ok(()),
        Some((listener, port)) => {
            let message = format!(
                "The pod has hostNetwork: the sidecar's port {} ({listener}) would be open to the whole node. Set {} \
                 to \"file\", which Python, gcloud and Ruby read with {}: \"aws-jwt\" alone, and no {}.",
                port.value,
                key::SOURCE,
                key::IDENTITY,
                key::METRICS_PORT
            );
            Err(Denial::of_settings(Reason::HostNetwork, message))
        }
    }
}
