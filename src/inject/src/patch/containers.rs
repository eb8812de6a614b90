//! The app's containers: the configuration, the variables that point at it, and a way past a proxy.

use rolebridge_core::annotations::SOURCE;
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{CONFIG_VOLUME, IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount};

use super::builder::PatchBuilder;
use super::volumes::Mount;
use super::{env, no_proxy};
use crate::message::{DisplayName, MAX_NAMES_IN_WARNING, join_names};
use crate::settings::TokenSource;
use crate::view::Container;
use crate::{Denial, Pod, Reason, Settings};

/// Containers that keep what the user set, by what there is to say about it.
#[derive(Debug, Default)]
pub(super) struct UserValues<'a> {
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
    builder: &mut PatchBuilder,
    pod: &'a Pod<'_>,
    settings: &Settings<'_>,
) -> Result<UserValues<'a>, Denial> {
    let mut kept = UserValues::default();
    for (list, at, container) in pod.containers().filter(|(_, _, one)| settings.containers.includes(one)) {
        let path = format_args!("{}/{at}", list.pointer());
        let source = settings.sources.value.of(&container.name);
        let mut missing = Vec::new();
        for variable in env::of_app(container, settings, source, &mut missing) {
            kept.credentials.push((&container.name, variable));
        }
        if source.needs_server() {
            let additions = no_proxy::additions(container, settings);
            for (place, value) in &additions.extended {
                builder.add(format_args!("{path}/env/{place}/value"), value);
            }
            missing.extend(additions.missing);
            kept.note_served(container, source, additions.unseen);
        }
        builder.append(format_args!("{path}/env"), container.env.is_some(), &missing);
        let mounts = mounts(container, settings, source)?;
        builder.append(format_args!("{path}/volumeMounts"), container.volume_mounts.is_some(), &mounts);
    }
    Ok(kept)
}

/// The mounts that a container lacks.
fn mounts(
    container: &Container<'_>,
    settings: &Settings<'_>,
    source: TokenSource,
) -> Result<Vec<Mount>, Denial> {
    let by_kubelet = settings.identity.value == Identity::Kubernetes;
    let by_file = source == TokenSource::File;
    let wanted = [
        ConfigKind::for_source(source).map(|_| CONFIG_VOLUME),
        (settings.outputs.is_some() || by_file && !by_kubelet).then_some(TOKEN_VOLUME),
        (by_file && by_kubelet).then_some(IDENTITY_VOLUME),
    ];
    let wanted = wanted.into_iter().flatten();
    let mut missing = Vec::new();
    for volume in wanted {
        if !has_mount(container, volume)? {
            missing.push(Mount::read_only(volume));
        }
    }
    Ok(missing)
}

fn has_mount(container: &Container<'_>, volume: VolumeMount) -> Result<bool, Denial> {
    let inside = |path: &str| {
        let rest = path.strip_prefix(volume.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match container.mounts().iter().find(|mount| inside(&mount.mount_path)) {
        None => Ok(false),
        Some(mount) if *mount.name == *volume.name && *mount.mount_path == *volume.path => Ok(true),
        Some(mount) => Err(Denial::of_pod(
            Reason::Clash,
            format!(
                "The container {} mounts the volume {} at {}, where Rolebridge mounts its own; mount it elsewhere, or \
                 leave the container out with rolebridge.io/skip-containers.",
                DisplayName(&container.name),
                DisplayName(&mount.name),
                DisplayName(&mount.mount_path)
            ),
        )),
    }
}

impl<'a> UserValues<'a> {
    fn note_served(&mut self, container: &'a Container<'_>, source: TokenSource, proxy_is_unseen: bool) {
        if source == TokenSource::Loopback && container.variable("AWS_ACCESS_KEY_ID").is_some() {
            self.access_keys.push(&container.name);
        }
        if proxy_is_unseen {
            self.proxies.push(&container.name);
        }
    }

    /// Says it, each thing once for all containers: there may be fifty.
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        for (variable, instead) in env::KEPT {
            let of_variable = self.credentials.iter().filter(|(_, kept)| *kept == variable);
            if let Some(containers) =
                join_names(MAX_NAMES_IN_WARNING, of_variable.map(|(container, _)| *container))
            {
                warnings.push(format!(
                    "{variable} is set in {containers} and stays: {instead} instead of Rolebridge."
                ));
            }
        }
        if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, self.access_keys.iter().copied()) {
            warnings.push(format!(
                "AWS_ACCESS_KEY_ID is set in {containers}: Google's libraries sign with that key there instead of the \
                 pod's role. Unset it, or set {SOURCE} to \"metadata\"."
            ));
        }
        if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, self.proxies.iter().copied()) {
            warnings.push(format!(
                "The proxy settings of {containers} come by valueFrom or envFrom: NO_PROXY must have \
                 127.0.0.1,localhost there, or the proxy is asked for the credentials."
            ));
        }
    }
}
