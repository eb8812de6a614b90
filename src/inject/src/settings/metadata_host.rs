//! The source `metadata-host`: denies a pod of which a name, the sysctl or the port has another use already.

use rolebridge_core::annotations::SOURCE;
use rolebridge_core::metadata_host::{PORT, PORT_SYSCTL};
use rolebridge_core::redact::Quoted;
use rolebridge_core::token_source::TokenSource;

use super::ports::container_with_port;
use super::precedence::Precedence;
use super::resolved::Settings;
use crate::denial::Denial;
use crate::message::DisplayName;
use crate::reason::Reason;

/// Checks that the pod has no other use for the names and the port of Google's metadata server.
pub(super) fn check(precedence: &Precedence<'_>, settings: &Settings<'_>) -> Result<(), Denial> {
    let sources = &settings.sources;
    if !sources.value.uses(TokenSource::MetadataHost) {
        return Ok(());
    }
    let source = format!("{SOURCE}: \"metadata-host\" ({})", precedence.describe_origin(sources.origin));
    let deny = |message: String| Err(Denial::for_settings(Reason::Clash, message));
    let spec = &precedence.pod.spec;
    if let Some((name, address)) = spec.host_aliases.as_ref().and_then(|aliases| aliases.other.as_ref()) {
        return deny(format!(
            "spec.hostAliases on the pod: expected no address for {name}, because {source} sets it, found {}. Fix: remove \
             the alias, or set {SOURCE} to \"metadata\".",
            Quoted(address)
        ));
    }
    if let Some(value) = precedence.pod.port_sysctl().filter(|value| !allows_port(value)) {
        return deny(format!(
            "{PORT_SYSCTL} on the pod: expected a number from 0 to {PORT}, so that {source} can listen on port {PORT}, \
             found {}. Fix: lower it, or set {SOURCE} to \"metadata\".",
            Quoted(value)
        ));
    }
    if let Some(container) = container_with_port(precedence.pod, PORT) {
        return deny(format!(
            "Container {}: expected no port {PORT}, because {source} listens on it, found that port. Fix: use another port, \
             or set {SOURCE} to \"metadata\".",
            DisplayName(container)
        ));
    }
    Ok(())
}

/// Returns true if a value of the sysctl allows a program without privileges to listen on the port.
fn allows_port(value: &str) -> bool {
    value.trim().parse::<u16>().is_ok_and(|first| first <= PORT)
}
