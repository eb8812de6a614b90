//! Whether a pod has been injected before: told by structure, never by an annotation, which could be copied or forged.

use rolebridge_contract::pod::{
    AWS_TOKEN_VOLUME, CA_VOLUME, CONFIG_VOLUME, CONTAINER, PROGRAM, RUN_ARGS, TOKEN_VOLUME, Volume,
};

use crate::view::{Container, List};
use crate::{Pod, Reason, Refusal};

/// Every volume that may be ours.
pub(crate) const VOLUMES: &[Volume] = &[TOKEN_VOLUME, CONFIG_VOLUME, AWS_TOKEN_VOLUME, CA_VOLUME];

/// The sidecar that is in the pod already. Its image, resources and security may differ: another webhook's doing, or an
/// older version's.
///
/// # Errors
///
/// A container or a volume of the pod has a name of ours and is not ours.
pub(crate) fn sidecar<'a>(pod: &'a Pod<'_>) -> Result<Option<&'a Container<'a>>, Refusal> {
    let mut injected = None;
    for (list, _, container) in pod.containers().filter(|(_, _, one)| *one.name == *CONTAINER) {
        if list != List::Init || injected.is_some() || !is_sidecar(container) {
            return Err(clash(format!(
                "The container {CONTAINER} is not Rolebridge's sidecar but has its name; give it another one."
            )));
        }
        injected = Some(container);
    }
    let volumes = pod.spec.volumes.as_deref().unwrap_or_default();
    let taken = VOLUMES.iter().find(|ours| volumes.iter().any(|volume| *volume.name == *ours.name));
    match taken {
        Some(Volume { name, .. }) if injected.is_none() => Err(clash(format!(
            "The volume {name} is not Rolebridge's but has its name; give it another one."
        ))),
        _ => Ok(injected),
    }
}

fn is_sidecar(container: &Container<'_>) -> bool {
    let says = |words: Option<&[_]>, wanted: &[&str]| {
        words.is_some_and(|words: &[crate::view::Text<'_>]| {
            words.iter().map(|word| &**word).eq(wanted.iter().copied())
        })
    };
    let mounts = |volume: &Volume| {
        container
            .mounts()
            .iter()
            .any(|mount| *mount.name == *volume.name && *mount.mount_path == *volume.path)
    };
    container.restarts_always()
        && says(container.command.as_deref(), &[PROGRAM])
        && says(container.args.as_deref(), RUN_ARGS)
        && [TOKEN_VOLUME, AWS_TOKEN_VOLUME].iter().all(mounts)
}

fn clash(message: String) -> Refusal {
    Refusal::of_pod(Reason::Clash, message)
}
