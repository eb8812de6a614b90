//! The app's containers: the configuration, the variables that point at it, and a way past a proxy.

use std::fmt::{Display, Write};

use rolebridge_contract::annotations::SOURCE;
use rolebridge_contract::external_account::Source;
use rolebridge_contract::pod::{CONFIG_VOLUME, TOKEN_VOLUME, Volume};

use super::operations::Operations;
use super::volumes::Mount;
use super::{env, proxy};
use crate::view::Container;
use crate::{Pod, Reason, Refusal, Settings};

/// Containers that keep what the user set, by what there is to say about it.
#[derive(Debug, Default)]
pub(super) struct Kept<'a> {
    credentials: Vec<(&'a str, &'static str)>,
    access_keys: Vec<&'a str>,
    proxies: Vec<&'a str>,
}

/// Adds what the containers lack.
///
/// # Errors
///
/// One mounts something else where ours belongs.
pub(super) fn add<'a>(
    operations: &mut Operations,
    pod: &'a Pod<'_>,
    settings: &Settings<'_>,
) -> Result<Kept<'a>, Refusal> {
    let mut kept = Kept::default();
    for (list, at, container) in pod.containers().filter(|(_, _, one)| settings.containers.takes(one)) {
        let path = format_args!("{}/{at}", list.pointer());
        let source = settings.sources.value.of(&container.name);
        let mut missing = Vec::new();
        if let Some(variable) = env::of_app(container, settings, source, &mut missing) {
            kept.credentials.push((&container.name, variable));
        }
        if source == Source::Loopback {
            let exceptions = proxy::exceptions(container, settings);
            for (place, value) in &exceptions.extended {
                operations.add(format_args!("{path}/env/{place}/value"), value);
            }
            missing.extend(exceptions.missing);
            kept.note_loopback(container, exceptions.unseen);
        }
        operations.append(format_args!("{path}/env"), container.env.is_some(), &missing);
        let mounts = mounts(container, source)?;
        operations.append(format_args!("{path}/volumeMounts"), container.volume_mounts.is_some(), &mounts);
    }
    Ok(kept)
}

/// The mounts that a container lacks.
fn mounts(container: &Container<'_>, source: Source) -> Result<Vec<Mount>, Refusal> {
    let token = (source == Source::File).then_some(TOKEN_VOLUME);
    let wanted = [Some(CONFIG_VOLUME), token].into_iter().flatten();
    let mut missing = Vec::new();
    for volume in wanted {
        if !has_mount(container, volume)? {
            missing.push(Mount::read_only(volume));
        }
    }
    Ok(missing)
}

fn has_mount(container: &Container<'_>, volume: Volume) -> Result<bool, Refusal> {
    let inside = |path: &str| {
        let rest = path.strip_prefix(volume.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match container.mounts().iter().find(|mount| inside(&mount.mount_path)) {
        None => Ok(false),
        Some(mount) if *mount.name == *volume.name && *mount.mount_path == *volume.path => Ok(true),
        Some(mount) => Err(Refusal::of_pod(
            Reason::Clash,
            format!(
                "The container {} mounts the volume {} at {}, where Rolebridge mounts its own; mount it elsewhere, or \
                 leave the container out with rolebridge.io/skip-containers.",
                &*container.name, &*mount.name, &*mount.mount_path
            ),
        )),
    }
}

impl<'a> Kept<'a> {
    fn note_loopback(&mut self, container: &'a Container<'_>, proxy_is_unseen: bool) {
        if container.variable("AWS_ACCESS_KEY_ID").is_some() {
            self.access_keys.push(&container.name);
        }
        if proxy_is_unseen {
            self.proxies.push(&container.name);
        }
    }

    /// Says it, each thing once for all containers: there may be fifty.
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        for variable in env::CREDENTIALS {
            let of_variable: Vec<_> = self.credentials.iter().filter(|(_, kept)| *kept == variable).collect();
            if let Some(containers) = some_of(of_variable.iter().map(|(container, _)| container)) {
                warnings.push(format!(
                    "{variable} is set in {containers} and stays: Google's libraries use that there instead of Rolebridge."
                ));
            }
        }
        if let Some(containers) = some_of(self.access_keys.iter()) {
            warnings.push(format!(
                "AWS_ACCESS_KEY_ID is set in {containers}: Google's libraries sign with that key there instead of the \
                 pod's role. Unset it, or set {SOURCE} to \"file\"."
            ));
        }
        if let Some(containers) = some_of(self.proxies.iter()) {
            warnings.push(format!(
                "The proxy settings of {containers} come by valueFrom or envFrom: NO_PROXY must have \
                 127.0.0.1,localhost there, or the proxy is asked for the credentials."
            ));
        }
    }
}

/// The most names in a sentence: the API server may cut a warning off at 256 characters.
const MOST_NAMED: usize = 3;

fn some_of(names: impl ExactSizeIterator<Item = impl Display>) -> Option<String> {
    let all = names.len();
    let mut text = String::new();
    for (at, name) in names.take(MOST_NAMED).enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{name}");
    }
    if all > MOST_NAMED {
        let _ = write!(text, " and {} more", all - MOST_NAMED);
    }
    (all > 0).then_some(text)
}
