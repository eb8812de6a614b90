//! The source `metadata-host`: the pod's names of Google's metadata server, and the sysctl that lets the sidecar listen on its port.

use rolebridge_core::metadata_host::{ADDRESS, NAMES, PORT_SYSCTL, PORT_SYSCTL_VALUE};
use rolebridge_core::token_source::TokenSource;
use serde::Serialize;

use super::builder::PatchBuilder;
use crate::settings::Settings;
use crate::view::Pod;

#[derive(Serialize)]
struct HostAlias {
    ip: &'static str,
    hostnames: [&'static str; 2],
}

#[derive(Serialize)]
struct Sysctl {
    name: &'static str,
    value: &'static str,
}

#[derive(Serialize)]
struct SecurityContext {
    sysctls: [Sysctl; 1],
}

/// Adds what is missing. A value of the user that allows the port stays.
pub(super) fn add(builder: &mut PatchBuilder, pod: &Pod<'_>, settings: &Settings<'_>) {
    if !settings.sources.value.uses(TokenSource::MetadataHost) {
        return;
    }
    let spec = &pod.spec;
    if !spec.host_aliases.as_ref().is_some_and(|aliases| aliases.has_added) {
        let alias = HostAlias { ip: ADDRESS, hostnames: NAMES };
        builder.append("/spec/hostAliases", spec.host_aliases.is_some(), &[alias]);
    }
    if pod.port_sysctl().is_none() {
        let sysctls = [Sysctl { name: PORT_SYSCTL, value: PORT_SYSCTL_VALUE }];
        match &spec.security_context {
            None => builder.add("/spec/securityContext", &SecurityContext { sysctls }),
            Some(context) => {
                let list = "/spec/securityContext/sysctls";
                builder.append(list, context.sysctls.is_some(), &sysctls);
            }
        }
    }
}
