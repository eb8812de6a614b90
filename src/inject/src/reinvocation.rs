//! Detects an earlier injection by the pod's structure, never by an annotation, which could be copied or forged.

use rolebridge_core::annotations::PREFIX;
use rolebridge_core::pod_names::{
    AWS_TOKEN_NAME, AWS_TOKEN_VOLUME, CA_NAME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_TOKEN_NAME,
    IDENTITY_VOLUME, TOKEN_VOLUME, VolumeMount,
};
use rolebridge_core::service_accounts::MAX_ACCOUNTS;

use crate::denial::Denial;
use crate::reason::Reason;
use crate::view::{ConfigMap, Container, ContainerList, DownwardItem, EmptyDir, Mount, Pod, Volume};

/// All volumes that Rolebridge may add.
const VOLUMES: &[VolumeMount] = &[TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, IDENTITY_VOLUME, CA_VOLUME];

/// The carrier of the `external_account` documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigCarrier {
    /// The sidecar writes the documents, from its own environment, which cannot change in a running pod.
    Sidecar,
    /// Annotations, which a downward API volume mounts: in a pod without a sidecar, or of an earlier release.
    Annotations,
}

/// The sidecar that the pod already has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExistingSidecar<'a> {
    /// The index in the init containers.
    pub(crate) index: usize,
    pub(crate) container: &'a Container<'a>,
    pub(crate) configs: ConfigCarrier,
    /// True if it mounts the volume of the documents, as every sidecar that writes them does.
    pub(crate) mounts_configs: bool,
}

/// Returns the sidecar that the pod already has.
///
/// # Errors
///
/// Returns an error if another container or volume has one of Rolebridge's names.
pub(crate) fn existing_sidecar<'a>(pod: &'a Pod<'_>) -> Result<Option<ExistingSidecar<'a>>, Denial> {
    let mut sidecar = None;
    for (list, index, container) in pod.containers().filter(|(_, _, container)| *container.name == *CONTAINER)
    {
        if !is_sidecar(container) {
            return Err(clash(format!(
                "Container {CONTAINER} on the pod: expected Rolebridge's sidecar, found another container. Fix: \
                 rename the container."
            )));
        }
        if list != ContainerList::Init || sidecar.is_some() {
            return Err(clash(format!(
                "Container {CONTAINER} on the pod: expected Rolebridge's sidecar once, in spec.initContainers, found it \
                 elsewhere. Fix: remove it there."
            )));
        }
        sidecar = Some((index, container));
    }
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    let is_other = |volume: &&Volume<'_>| {
        VOLUMES.iter().any(|known| *volume.name == *known.name) && !is_rolebridges(volume)
    };
    if let Some(Volume { name, .. }) = volumes.iter().find(is_other) {
        return Err(clash(format!(
            "Volume {} on the pod: expected Rolebridge's volume, found another one. Fix: rename the volume.",
            &**name
        )));
    }
    let has_downward = volumes.iter().any(|volume| volume.downward_items().is_some_and(are_configs));
    Ok(sidecar.map(|(index, container)| {
        let mounts_configs = mounts(container, &CONFIG_VOLUME);
        let is_earlier = has_downward && !mounts_configs;
        let configs = if is_earlier { ConfigCarrier::Annotations } else { ConfigCarrier::Sidecar };
        ExistingSidecar { index, container, configs, mounts_configs }
    }))
}

/// Returns true if an earlier admission injected the pod.
pub(crate) fn is_injected(pod: &Pod<'_>) -> bool {
    let is_ours = |container: &Container<'_>| *container.name == *CONTAINER && is_sidecar(container);
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    pod.init_containers().iter().any(is_ours)
        || volumes.iter().any(|volume| *volume.name == *IDENTITY_VOLUME.name && is_rolebridges(volume))
}

/// Returns true if the pod has a volume with a name of Rolebridge, as every injected pod does.
pub(crate) fn has_volume(pod: &Pod<'_>) -> bool {
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    volumes.iter().any(|volume| VOLUMES.iter().any(|known| *volume.name == *known.name))
}

/// Returns true if a volume with a name of Rolebridge has the kind of source that this release or an earlier one adds.
fn is_rolebridges(volume: &Volume<'_>) -> bool {
    let is_in_memory = || volume.empty_dir.as_ref().is_some_and(EmptyDir::is_in_memory);
    let has_token = |path: &str| volume.token().is_some_and(|token| *token.path == *path);
    let name = &*volume.name;
    if name == TOKEN_VOLUME.name {
        is_in_memory()
    } else if name == CONFIG_VOLUME.name {
        is_in_memory() || volume.downward_items().is_some_and(are_configs)
    } else if name == AWS_TOKEN_VOLUME.name {
        has_token(AWS_TOKEN_NAME)
    } else if name == IDENTITY_VOLUME.name {
        has_token(IDENTITY_TOKEN_NAME)
    } else {
        let item = volume.config_map.as_ref().and_then(ConfigMap::item);
        item.is_some_and(|item| *item.path == *CA_NAME)
    }
}

/// Returns true for the files of configurations in annotations: the two kinds of an earlier release, or one for each account.
fn are_configs(items: &[DownwardItem<'_>]) -> bool {
    let path = format!("metadata.annotations['{PREFIX}config-");
    items.len() <= MAX_ACCOUNTS
        && items.iter().all(|item| item.field().is_some_and(|field| field.starts_with(&path)))
}

/// Returns true for Rolebridge's sidecar. A webhook with old types may have dropped the restart policy, which is decided again.
fn is_sidecar(container: &Container<'_>) -> bool {
    container.has_own_command && container.has_own_args && mounts(container, &TOKEN_VOLUME)
}

fn mounts(container: &Container<'_>, volume: &VolumeMount) -> bool {
    let is_mount = |mount: &Mount<'_>| *mount.name == *volume.name && *mount.path == *volume.path;
    container.mounts().iter().any(is_mount)
}

fn clash(message: String) -> Denial {
    Denial::for_pod(Reason::Clash, message)
}
