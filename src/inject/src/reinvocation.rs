//! Whether a pod has been injected before: told by structure, never by an annotation, which could be copied or forged.

use rolebridge_core::annotations::PREFIX;
use rolebridge_core::pod_names::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, IDENTITY_TOKEN_NAME, IDENTITY_VOLUME, PROGRAM,
    RUN_ARGS, TOKEN_VOLUME, VolumeMount,
};

use crate::view::{self, Container, ContainerList};
use crate::{Denial, Pod, Reason};

/// Every volume that may be ours.
const VOLUMES: &[VolumeMount] = &[TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, IDENTITY_VOLUME, CA_VOLUME];

/// The sidecar that is in the pod already. Its image, resources and security may differ: another webhook's doing, or an
/// older version's.
///
/// # Errors
///
/// A container or a volume of the pod has a name of ours and is not ours.
pub(crate) fn existing_sidecar<'a>(pod: &'a Pod<'_>) -> Result<Option<&'a Container<'a>>, Denial> {
    let mut injected = None;
    for (list, _, container) in pod.containers().filter(|(_, _, one)| *one.name == *CONTAINER) {
        if list != ContainerList::Init || injected.is_some() || !is_sidecar(container) {
            return Err(clash(format!(
                "The container {CONTAINER} is not Rolebridge's sidecar but has its name; give it another one."
            )));
        }
        injected = Some(container);
    }
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    let is_taken =
        |ours: &&VolumeMount| volumes.iter().any(|one| *one.name == *ours.name && !needs_no_sidecar(one));
    match VOLUMES.iter().find(is_taken) {
        Some(VolumeMount { name, .. }) if injected.is_none() => Err(clash(format!(
            "The volume {name} is not Rolebridge's but has its name; give it another one."
        ))),
        _ => Ok(injected),
    }
}

/// Whether a volume of one of our names is what it is where the kubelet does all the work.
fn needs_no_sidecar(volume: &view::Volume<'_>) -> bool {
    if *volume.name == *CONFIG_VOLUME.name {
        let path = format!("metadata.annotations['{PREFIX}config-");
        let of_ours =
            |item: &view::DownwardItem<'_>| item.field().is_some_and(|field| field.starts_with(&path));
        return volume.downward_items().is_some_and(|items| items.iter().all(of_ours));
    }
    *volume.name == *IDENTITY_VOLUME.name && volume.token_path() == Some(IDENTITY_TOKEN_NAME)
}

fn is_sidecar(container: &Container<'_>) -> bool {
    let says = |words: Option<&[_]>, wanted: &[&str]| {
        words.is_some_and(|words: &[crate::view::BorrowedStr<'_>]| {
            words.iter().map(|word| &**word).eq(wanted.iter().copied())
        })
    };
    let mounts = |volume: &VolumeMount| {
        container
            .mounts()
            .iter()
            .any(|mount| *mount.name == *volume.name && *mount.mount_path == *volume.path)
    };
    container.restarts_always()
        && says(container.command.as_deref(), &[PROGRAM])
        && says(container.args.as_deref(), RUN_ARGS)
        && mounts(&TOKEN_VOLUME)
}

fn clash(message: String) -> Denial {
    Denial::of_pod(Reason::Clash, message)
}
