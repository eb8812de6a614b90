//! Patches the app containers: the configuration, the variables that point to it, and the `NO_PROXY` entries.

use std::fmt;

use rolebridge_core::annotations::{SKIP_CONTAINERS, SOURCE};
use rolebridge_core::external_account::ConfigKind;
use rolebridge_core::identity::Identity;
use rolebridge_core::pod_names::{CONFIG_VOLUME, CONTAINER, IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount};
use rolebridge_core::token_source::TokenSource;

use super::builder::PatchBuilder;
use super::volumes::Mount;
use super::{env, no_proxy};
use crate::denial::Denial;
use crate::message::{DisplayName, MAX_NAMES_IN_WARNING, join_names};
use crate::mount_path::{clean, is_inside};
use crate::reason::Reason;
use crate::settings::Settings;
use crate::view::{self, Container, Pod};

/// Values of the user that the patch must not override, by warning: the names of their containers.
#[derive(Debug, Default)]
pub(super) struct UserValues<'a> {
    credentials: Vec<(&'a str, &'static str)>,
    access_keys: Vec<&'a str>,
    unknown_proxies: Vec<&'a str>,
}

/// Adds the missing variables and mounts of the containers.
///
/// # Errors
///
/// Returns an error if a container mounts another volume at one of Rolebridge's paths.
pub(super) fn add<'a>(
    builder: &mut PatchBuilder,
    pod: &'a Pod<'_>,
    settings: &Settings<'_>,
) -> Result<UserValues<'a>, Denial> {
    let mut user_values = UserValues::default();
    for (list, index, container) in pod.containers() {
        let path = format_args!("{}/{index}", list.pointer());
        restrict_mounts(builder, container, path);
        if !settings.containers.includes(container) {
            continue;
        }
        let source = settings.sources.value.of(&container.name);
        let mut missing = Vec::new();
        for variable in env::add_missing(container, settings, source, &mut missing) {
            user_values.credentials.push((&container.name, variable));
        }
        if source.needs_server() {
            let additions = no_proxy::additions(container, settings);
            for (index, value) in &additions.extended {
                builder.add(format_args!("{path}/env/{index}/value"), value);
            }
            missing.extend(additions.missing);
            user_values.record_server_conflicts(container, source, additions.unknown);
        }
        // The kubelet expands `$(NAME)` in a value only if the variable NAME comes before it.
        builder.prepend(format_args!("{path}/env"), container.env.is_some(), &missing);
        let mounts = Mounts::of(container, settings, source)?;
        for (index, mount) in &mounts.replaced {
            builder.replace(format_args!("{path}/volumeMounts/{index}"), mount);
        }
        builder.append(
            format_args!("{path}/volumeMounts"),
            container.volume_mounts.is_some(),
            &mounts.missing,
        );
    }
    Ok(user_values)
}

/// Makes mounts of the volumes that the sidecar writes read-only in every other container, wherever they are.
fn restrict_mounts(builder: &mut PatchBuilder, container: &Container<'_>, path: fmt::Arguments<'_>) {
    if *container.name == *CONTAINER {
        return;
    }
    for (index, mount) in container.mounts().iter().enumerate() {
        let is_written = [TOKEN_VOLUME, CONFIG_VOLUME].iter().any(|volume| *mount.name == *volume.name);
        if is_written && !mount.read_only.unwrap_or_default() {
            builder.add(format_args!("{path}/volumeMounts/{index}/readOnly"), &true);
        }
    }
}

/// The mounts that a container needs and does not have.
#[derive(Default)]
struct Mounts {
    missing: Vec<Mount>,
    /// Partial mounts of Rolebridge's volumes, and writable or unusual spellings of their paths, by their index.
    replaced: Vec<(usize, Mount)>,
}

impl Mounts {
    fn of(container: &Container<'_>, settings: &Settings<'_>, source: TokenSource) -> Result<Self, Denial> {
        let by_kubelet = settings.identity.value == Identity::Kubernetes;
        let by_file = source == TokenSource::File;
        let needed = [
            ConfigKind::for_source(source).map(|_| CONFIG_VOLUME),
            (settings.outputs.is_some() || by_file && !by_kubelet).then_some(TOKEN_VOLUME),
            (by_file && by_kubelet).then_some(IDENTITY_VOLUME),
        ];
        let mut mounts = Self::default();
        for volume in needed.into_iter().flatten() {
            mounts.add(container, volume)?;
        }
        Ok(mounts)
    }

    /// Adds the mount of a volume, or replaces one at its path. Any other mount at the path or inside it is a clash, because
    /// it would hide a file of the volume.
    fn add(&mut self, container: &Container<'_>, volume: VolumeMount) -> Result<(), Denial> {
        let needed = Mount::read_only(volume);
        let mut is_mounted = false;
        for (index, mount) in container.mounts().iter().enumerate() {
            let path = clean(&mount.path);
            if !is_inside(&path, volume.path) {
                continue;
            }
            let is_first = !std::mem::replace(&mut is_mounted, true);
            if !(is_first && *mount.name == *volume.name && needed.is_at(&path)) {
                return Err(mount_clash(container, volume, mount));
            }
            if !needed.is_equal(mount) {
                self.replaced.push((index, Mount::read_only(volume)));
            }
        }
        if !is_mounted {
            self.missing.push(needed);
        }
        Ok(())
    }
}

fn mount_clash(container: &Container<'_>, volume: VolumeMount, mount: &view::Mount<'_>) -> Denial {
    Denial::for_pod(
        Reason::Clash,
        format!(
            "Container {} on the pod: expected only Rolebridge's volume at {}, found the volume {} at {}. Fix: mount it \
             elsewhere, or exclude the container with {SKIP_CONTAINERS}.",
            DisplayName(&container.name),
            volume.path,
            DisplayName(&mount.name),
            DisplayName(&mount.path)
        ),
    )
}

impl<'a> UserValues<'a> {
    /// Records values that keep a container from calling the sidecar's server.
    fn record_server_conflicts(
        &mut self,
        container: &'a Container<'_>,
        source: TokenSource,
        has_unknown_proxy: bool,
    ) {
        if source == TokenSource::Loopback && container.variable("AWS_ACCESS_KEY_ID").is_some() {
            self.access_keys.push(&container.name);
        }
        if has_unknown_proxy {
            self.unknown_proxies.push(&container.name);
        }
    }

    /// Emits one warning per variable for all containers, because a pod may have dozens.
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        for (variable, effect) in env::USER_VARIABLES {
            let containers = self.credentials.iter().filter(|(_, kept)| *kept == variable);
            let containers = containers.map(|(container, _)| *container);
            if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, containers) {
                warnings.push(format!(
                    "{variable} is set in {containers} and kept, so {effect} instead of Rolebridge."
                ));
            }
        }
        if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, self.access_keys.iter().copied()) {
            warnings.push(format!(
                "AWS_ACCESS_KEY_ID is set in {containers}, so Google's libraries sign with that key instead of the pod's \
                 role. Fix: unset it, or set {SOURCE} to \"metadata\"."
            ));
        }
        if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, self.unknown_proxies.iter().copied()) {
            warnings.push(format!(
                "The proxy variables of {containers} come from valueFrom or envFrom, so calls for credentials may go to \
                 the proxy. Fix: add 127.0.0.1,localhost to NO_PROXY there."
            ));
        }
    }
}
