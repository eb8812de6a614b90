//! Detects an earlier injection by the pod's structure, never by an annotation, which could be copied or forged.

use rolebridge_core::annotations::PREFIX;
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_TOKEN_NAME, IDENTITY_VOLUME, PROGRAM,
    RUN_ARGS, TOKEN_VOLUME, VolumeMount,
};

use crate::denial::Denial;
use crate::reason::Reason;
use crate::view::{BorrowedStr, Container, ContainerList, DownwardItem, Pod, Volume};

/// All volumes that Rolebridge may add.
const VOLUMES: &[VolumeMount] = &[TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, IDENTITY_VOLUME, CA_VOLUME];

/// Returns the sidecar that the pod already has. Its image, resources and security context may differ, because another
/// webhook or an older version set them.
///
/// # Errors
///
/// Returns an error if another container or volume has one of Rolebridge's names.
pub(crate) fn existing_sidecar<'a>(pod: &'a Pod<'_>) -> Result<Option<&'a Container<'a>>, Denial> {
    let mut sidecar = None;
    for (list, _, container) in pod.containers().filter(|(_, _, container)| *container.name == *CONTAINER) {
        if list != ContainerList::Init || sidecar.is_some() || !is_sidecar(container) {
            return Err(clash(format!(
                "Container {CONTAINER} on the pod: expected Rolebridge's sidecar, found another container. Fix: \
                 rename the container."
            )));
        }
        sidecar = Some(container);
    }
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    let is_taken = |known: &&VolumeMount| {
        volumes.iter().any(|volume| *volume.name == *known.name && !needs_no_sidecar(volume))
    };
    match VOLUMES.iter().find(is_taken) {
        Some(VolumeMount { name, .. }) if sidecar.is_none() => Err(clash(format!(
            "Volume {name} on the pod: expected Rolebridge's volume, found another one. Fix: rename the volume."
        ))),
        _ => Ok(sidecar),
    }
}

/// Returns true if the volume is one of Rolebridge's and works without a sidecar, because the kubelet writes it.
fn needs_no_sidecar(volume: &Volume<'_>) -> bool {
    if *volume.name == *CONFIG_VOLUME.name {
        let path = format!("metadata.annotations['{PREFIX}config-");
        let is_config = |item: &DownwardItem<'_>| item.field().is_some_and(|field| field.starts_with(&path));
        return volume.downward_items().is_some_and(|items| items.iter().all(is_config));
    }
    *volume.name == *IDENTITY_VOLUME.name && volume.token_path() == Some(IDENTITY_TOKEN_NAME)
}

fn is_sidecar(container: &Container<'_>) -> bool {
    let equals = |words: Option<&[BorrowedStr<'_>]>, expected: &[&str]| {
        words.is_some_and(|words| words.iter().map(|word| &**word).eq(expected.iter().copied()))
    };
    let mounts = |volume: &VolumeMount| {
        container
            .mounts()
            .iter()
            .any(|mount| *mount.name == *volume.name && *mount.mount_path == *volume.path)
    };
    container.restarts_always()
        && equals(container.command.as_deref(), &[PROGRAM])
        && equals(container.args.as_deref(), RUN_ARGS)
        && mounts(&TOKEN_VOLUME)
}

fn clash(message: String) -> Denial {
    Denial::for_pod(Reason::Clash, message)
}
