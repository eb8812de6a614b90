//! Patches the app containers: the configuration, the variables that point to it, and the `NO_PROXY` entries.

use rolebridge_core::annotations::SOURCE;
use rolebridge_core::pod_names::{CONFIG_VOLUME, CONTAINER, TOKEN_VOLUME};
use rolebridge_core::token_source::TokenSource;

use super::builder::{PatchBuilder, Path};
use super::mounts::{Mounts, ReadOnlyVolumes};
use super::{env, no_proxy};
use crate::denial::Denial;
use crate::message::{MAX_NAMES_IN_WARNING, join_names};
use crate::settings::Settings;
use crate::view::{Container, Env, Pod};

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
/// Returns an error if a container mounts another volume at one of Rolebridge's paths, or a read-only one above it.
pub(super) fn add<'a>(
    builder: &mut PatchBuilder,
    pod: &'a Pod<'_>,
    settings: &Settings<'_>,
) -> Result<UserValues<'a>, Denial> {
    let mut user_values = UserValues::default();
    let read_only = ReadOnlyVolumes::of(pod);
    for (list, index, container) in pod.containers() {
        let path = (list.pointer(), "/", index);
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
                builder.add((path, "/env/", *index, "/value"), value);
            }
            missing.extend(additions.missing);
            user_values.record_server_conflicts(container, source, additions.unknown);
        }
        // The kubelet expands `$(NAME)` in a value only if the variable NAME comes before it.
        builder.prepend((path, "/env"), container.env.is_some(), &missing);
        let mounts = Mounts::of(container, settings, source, &read_only)?;
        for (index, mount) in &mounts.replaced {
            builder.replace((path, "/volumeMounts/", *index), mount);
        }
        builder.append((path, "/volumeMounts"), container.volume_mounts.is_some(), &mounts.missing);
    }
    Ok(user_values)
}

/// Makes mounts of the volumes that the sidecar writes read-only in every other container, wherever they are.
fn restrict_mounts(builder: &mut PatchBuilder, container: &Container<'_>, path: impl Path) {
    if *container.name == *CONTAINER {
        return;
    }
    for (index, mount) in container.mounts().iter().enumerate() {
        let is_written = [TOKEN_VOLUME, CONFIG_VOLUME].iter().any(|volume| *mount.name == *volume.name);
        if is_written && !mount.read_only.unwrap_or_default() {
            builder.add((path, "/volumeMounts/", index, "/readOnly"), &true);
        }
    }
}

impl<'a> UserValues<'a> {
    /// Records values that keep a container from calling the sidecar's server.
    fn record_server_conflicts(
        &mut self,
        container: &'a Container<'_>,
        source: TokenSource,
        has_unknown_proxy: bool,
    ) {
        let is_set = |variable: &Env<'_>| variable.literal() != Some("");
        if source == TokenSource::Loopback && container.variable(env::ACCESS_KEY).is_some_and(is_set) {
            self.access_keys.push(&container.name);
        }
        if has_unknown_proxy {
            self.unknown_proxies.push(&container.name);
        }
    }

    /// Emits one warning per variable for all containers, because a pod may have dozens.
    pub(super) fn warn(&self, warnings: &mut Vec<String>) {
        for (variable, effect) in env::effects() {
            let containers = self.credentials.iter().filter(|(_, kept)| *kept == variable);
            let containers = containers.map(|(container, _)| *container);
            if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, containers) {
                warnings.push(format!("{variable} is set in {containers} and kept, so {effect}."));
            }
        }
        if let Some(containers) = join_names(MAX_NAMES_IN_WARNING, self.access_keys.iter().copied()) {
            warnings.push(format!(
                "{} is set in {containers}, so Google's libraries sign with that key instead of the pod's role. Fix: unset \
                 it, or set {SOURCE} to \"metadata\".",
                env::ACCESS_KEY
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
